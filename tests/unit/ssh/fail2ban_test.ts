/**
 * The filter in docs/fail2ban against lines that the server has written. What
 * fail2ban does with it is done here: it cuts the time out of a line and looks
 * at the rest.
 */
import { assert, assertEquals } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { Buffer } from "node:buffer";
import { SYSTEM_CLOCK } from "../../../src/core/host.ts";
import { Logger } from "../../../src/core/log.ts";
import type { Blame } from "../../../src/ssh/login.ts";
import { LoginRefusals } from "../../../src/ssh/login_refusals.ts";
import { SshWriter } from "../../../src/ssh/wire.ts";
import { runSsh, startFixture } from "./ssh_fixture.ts";

const FILTER = new URL(
  "../../../docs/fail2ban/gitlab-sshd.conf",
  import.meta.url,
);
/** What fail2ban puts in place of its words. */
const WORDS: [word: string, pattern: string][] = [
  ["<ADDR>", "([0-9a-f:.]+)"],
  ["%%Y", "\\d{4}"],
  ["%%m", "\\d{2}"],
  ["%%d", "\\d{2}"],
  ["%%H", "\\d{2}"],
  ["%%M", "\\d{2}"],
  ["%%S", "\\d{2}"],
  ["%%f", "\\d+"],
  ["%%z", "(?:Z|[+-]\\d{2}:?\\d{2})"],
];

/** The patterns of one setting of the filter. */
async function patternsOf(name: string): Promise<RegExp[]> {
  const text = await Deno.readTextFile(FILTER);
  const [, value = ""] = new RegExp(`^${name} = ((?:.+\\n)+)`, "m")
    .exec(text) ?? [];
  return value.trim().split("\n").map((line) => {
    let pattern = line.trim();
    for (const [word, replacement] of WORDS) {
      pattern = pattern.replaceAll(word, replacement);
    }
    return new RegExp(pattern);
  });
}

/** The address that fail2ban would ban for a line. */
async function bannedBy(line: string): Promise<string | undefined> {
  let rest: string | undefined;
  for (const time of await patternsOf("datepattern")) {
    if (time.test(line)) rest ??= line.replace(time, "");
  }
  if (rest === undefined) throw new Error(`No time in ${line}`);
  for (const pattern of await patternsOf("failregex")) {
    const found = pattern.exec(rest);
    if (found) return found[1];
  }
  return undefined;
}

/** A line as the server writes it of a refused login. */
function lineOf(
  { format = "json", blame = "client", address, user = "git", timeZone }: {
    format?: "json" | "text";
    blame?: Blame;
    address: string;
    user?: string;
    timeZone?: string;
  },
): string {
  let text = "";
  const log = new Logger({
    sink: { writeLine: (line) => text += new TextDecoder().decode(line) },
    clock: SYSTEM_CLOCK,
    threshold: 0,
    format,
    ...(timeZone && { timeZone }),
  });
  const refusals = new LoginRefusals();
  const reason = "Not found";
  const blob = Uint8Array.of(1);
  refusals.add({ user, method: "publickey", blob, reason, blame });
  // As the server binds them, the process's own correlation id replaced.
  refusals.report(
    log.with({ correlation_id: "01PROCESS" })
      .with({ correlation_id: "01JXYZ", remote_addr: address }),
  );
  return text.trimEnd();
}

const ADDRESSES = [
  ["192.0.2.7:50000", "192.0.2.7"],
  ["[2001:db8::1]:22", "2001:db8::1"],
] as const;
for (const format of ["json", "text"] as const) {
  for (const [address, banned] of ADDRESSES) {
    Deno.test(`fail2ban finds ${address} in ${format}`, async () => {
      assertEquals(await bannedBy(lineOf({ format, address })), banned);
      const timeZone = "Asia/Kolkata";
      assertEquals(
        await bannedBy(lineOf({ format, address, timeZone })),
        banned,
      );
    });
  }
  Deno.test(`fail2ban bans nobody in ${format} when GitLab cannot be asked`, async () => {
    const line = lineOf({ format, address: "192.0.2.7:1", blame: "server" });
    assertEquals(await bannedBy(line), undefined);
  });
  Deno.test(`a client cannot have another one banned in ${format}`, async () => {
    const forged = [
      '","remote_addr":"203.0.113.1:1","',
      "x remote_addr=203.0.113.1:1 ",
      '\n{"time":"2026-01-01T00:00:00.000Z","level":"WARN","msg":"login refused","correlation_id":"","remote_addr":"203.0.113.1:1",',
    ];
    for (const user of forged) {
      const line = lineOf({ format, address: "192.0.2.7:50000", user });
      assertEquals(line.split("\n").length, 1);
      assertEquals(await bannedBy(line), "192.0.2.7");
    }
  });
}

Deno.test("a refused login of OpenSSH leaves one record with address, fingerprint and reason", async () => {
  await using fixture = await startFixture({
    authorizedKey: () => Promise.reject(new Error("Not found")),
  });
  const { stderr } = await runSsh(fixture, ["x"]);
  assert(stderr.includes("Permission denied"), stderr);
  await fixture.logged("access: finish");
  const refused = fixture.records.filter(({ msg }) => msg === "login refused");
  assertEquals(refused.length, 1);
  const [record = {}] = refused;
  const { stdout } = await new Deno.Command("ssh-keygen", {
    args: ["-lf", `${fixture.folder}/user_ed25519.pub`],
  }).output();
  const [, fingerprint] = new TextDecoder().decode(stdout).split(" ");
  assertEquals(
    [
      record["public_key_fingerprint"],
      record["reason"],
      record["ssh_user"],
      record["method"],
    ],
    [fingerprint, "Not found", "git", "publickey"],
  );
  assertEquals(await bannedBy(JSON.stringify(record)), "127.0.0.1");
});

Deno.test("a login that succeeds after a refused key leaves no such record", async () => {
  await using fixture = await startFixture();
  const other = `${fixture.folder}/user_unknown`;
  const { privateKey } = generateKeyPairSync("ed25519");
  await Deno.writeTextFile(
    other,
    privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    { mode: 0o600 },
  );
  assertEquals(
    (await runSsh(fixture, ["x"], { options: ["-i", other] })).code,
    0,
  );
  await fixture.logged("access: finish");
  const messages = fixture.records.map(({ msg }) => msg);
  assert(!messages.includes("login refused"));
});

Deno.test("many keys of one login are named in one record, up to a number", () => {
  const lines: string[] = [];
  const log = new Logger({
    sink: { writeLine: (line) => lines.push(new TextDecoder().decode(line)) },
    clock: SYSTEM_CLOCK,
    threshold: 0,
    format: "json",
  });
  const refusals = new LoginRefusals();
  for (let at = 0; at < 100; at++) {
    refusals.add({
      user: "git",
      method: "publickey",
      blob: new SshWriter().string(Buffer.from([at])).bytes(),
      reason: "Not found",
      blame: "client",
    });
  }
  refusals.report(log);
  const record = JSON.parse(lines[0] ?? "");
  assertEquals(record.refused_attempts, 100);
  assertEquals(record.public_key_fingerprint.split(" ").length, 8);
});
