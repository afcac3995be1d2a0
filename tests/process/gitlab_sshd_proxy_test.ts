/**
 * gitlab-sshd behind a balancer that speaks the PROXY protocol: which address
 * reaches GitLab.
 */
import { assertEquals } from "@std/assert";
import { startBalancer } from "../support/balancer.ts";
import { makeProxyV1, makeProxyV2 } from "../support/proxy_headers.ts";
import { json, openScriptedApi } from "../support/scripted_api.ts";
import { configOf, RunningSshd } from "../support/sshd_process.ts";
import { makeTempDir, type TempDir } from "../support/temp_dir.ts";
import { keygen, runSsh } from "../unit/ssh/ssh_fixture.ts";

let keys: TempDir;

Deno.test.beforeAll(async () => {
  keys = makeTempDir();
  for (const name of ["host", "user_ed25519"]) {
    await keygen(`${keys.path}/${name}`, ["-t", "ed25519"]);
  }
});
Deno.test.afterAll(() => keys[Symbol.dispose]());

const VISITS: [
  what: string,
  sshd: string[],
  header: Uint8Array[],
  address: string,
  forwarded: string | undefined,
][] = [
  [
    "version 2",
    ["proxy_protocol: true"],
    [makeProxyV2()],
    "10.1.1.1",
    "127.0.0.1",
  ],
  [
    "version 1 over IPv6",
    ["proxy_protocol: true", "proxy_allowed: [127.0.0.0/8]"],
    [makeProxyV1({ source: "2001:db8::7" })],
    "2001:db8::7",
    "127.0.0.1",
  ],
  ["no header", ["proxy_protocol: true"], [], "127.0.0.1", "127.0.0.1"],
  ["no protocol", [], [], "127.0.0.1", undefined],
];
for (const [what, sshd, header, address, forwarded] of VISITS) {
  Deno.test(`sshd.md cases 34, 35: GitLab learns the addresses of a client with ${what}`, async () => {
    await using api = openScriptedApi([
      json(200, { id: 1, key: "x" }),
      json(403, { status: false, message: "Nobody may do this" }),
    ]);
    await using server = await RunningSshd.start(
      configOf({ hostKey: `${keys.path}/host`, gitlabUrl: api.url, sshd }),
    );
    await using balancer = startBalancer(server.port, ...header);
    const { code } = await runSsh(
      { folder: keys.path, port: balancer.port },
      ["git-upload-pack a/b.git"],
    );
    assertEquals(code, 1);
    const [, allowed] = api.attempts;
    assertEquals(JSON.parse(allowed?.body ?? "{}").check_ip, address);
    const headers = api.attempts.map(({ headerLines }) =>
      headerLines.find((line) => line.startsWith("X-Forwarded-For: "))
        ?.slice(17)
    );
    assertEquals(headers, [forwarded, forwarded]);
  });
}
