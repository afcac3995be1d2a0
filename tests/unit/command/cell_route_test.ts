import { assertEquals, assertThrows } from "@std/assert";
import { formatCellUrl } from "../../../src/command/cell_route.ts";
import { headerValues } from "../../../src/devstack/api/http_message.ts";
import { startFakePrimary } from "../../support/fake_primary.ts";
import { readerOf } from "../../support/fake_host.ts";
import { makeAnswer } from "../../support/fake_session.ts";
import { customAction, runRemotely } from "../../support/remote_command.ts";

const URLS = [
  ["http://cell", "group/project", "http://cell/group/project.git"],
  ["http://cell/", "group/project", "http://cell/group/project.git"],
  [
    "http://cell/gitlab",
    "group/project",
    "http://cell/gitlab/group/project.git",
  ],
  ["http://cell/gitlab//", "//a//b", "http://cell/gitlab/a/b.git"],
  ["http://cell/x", "a/./b/../c", "http://cell/x/a/c.git"],
  ["http://cell", "../../a", "http://cell/a.git"],
  ["http://cell", "a b/ü?#%", "http://cell/a%20b/%C3%BC%3F%23%25.git"],
  ["http://cell:8181?q=1", "a", "http://cell:8181/a.git?q=1"],
] as const;
for (const [address, project, url] of URLS) {
  Deno.test(`shell.md 4.10, case 180: ${project} at ${address}`, () => {
    assertEquals(formatCellUrl(address, project), url);
  });
}

Deno.test("shell.md case 184: an address without scheme", () => {
  assertThrows(
    () => formatCellUrl("cell1.example.com", "a"),
    Error,
    'cells routing: invalid cell address "cell1.example.com": ' +
      "missing URL scheme",
  );
});

function decodeClaims(token: string | undefined): Record<string, unknown> {
  const part = token?.split(".")[1] ?? "";
  return JSON.parse(
    new TextDecoder().decode(
      Uint8Array.fromBase64(part, { alphabet: "base64url" }),
    ),
  );
}

const SERVICES = [
  ["upload-pack", "internal-api.md 6.6, shell.md cases 178, 181, 182, 185"],
  ["receive-pack", "internal-api.md case 125, shell.md case 179"],
] as const;
for (const [service, name] of SERVICES) {
  Deno.test(`${name}: ${service} on a cell`, async () => {
    await using cell = startFakePrimary(() => ({
      readsFirst: true,
      body: ["answer"],
    }));
    const { error, stdout, packCalls, records } = await runRemotely({
      service,
      answer: {
        // A cell comes before a custom action.
        ...customAction({ primaryRepo: "http://127.0.0.1:1" }),
        cellAddress: cell.url,
        needAudit: true,
      },
      stdin: readerOf("what the ", "client says"),
    });
    assertEquals([error, stdout.text], [undefined, "answer"]);
    assertEquals(packCalls, []);
    const [request, ...others] = cell.seen;
    assertEquals(others, []);
    assertEquals(request?.method, "POST");
    assertEquals(request?.target, `/group/project-path.git/ssh-${service}`);
    assertEquals(request?.body, "what the client says");
    const headers = request?.headers ?? [];
    assertEquals(headerValues(headers, "Git-Protocol"), []);
    const [token, ...more] = headerValues(headers, "Gitlab-Shell-Api-Request");
    assertEquals(more, []);
    const { iss, gl_id, iat, exp, ...rest } = decodeClaims(token);
    assertEquals([iss, gl_id, rest], ["gitlab-shell", "user-1", {}]);
    assertEquals(Number(exp) - Number(iat), 60);
    // Neither an audit event nor anything else.
    assertEquals(records.map(({ msg }) => msg), [
      `Cells: using SSH-over-HTTP ${service}`,
      "Finished HTTP request",
    ]);
    assertEquals(records[0]?.["cell_address"], cell.url);
  });
}

Deno.test("shell.md 4.10: the version of the protocol is told, and nobody if nobody is known", async () => {
  await using cell = startFakePrimary(() => ({ readsFirst: true }));
  await runRemotely({
    service: "upload-pack",
    answer: { cellAddress: cell.url, glId: "" },
    gitProtocol: "version=2",
  });
  const headers = cell.seen[0]?.headers ?? [];
  assertEquals(headerValues(headers, "Git-Protocol"), ["version=2"]);
  const [token] = headerValues(headers, "Gitlab-Shell-Api-Request");
  assertEquals("gl_id" in decodeClaims(token), false);
});

Deno.test("internal-api.md case 126, shell.md case 183: no project path", async () => {
  const { gitaly } = makeAnswer();
  const repository = { ...gitaly.repository, glProjectPath: "" };
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: {
      cellAddress: "http://127.0.0.1:1",
      gitaly: { ...gitaly, repository },
    },
  });
  assertEquals(
    error instanceof Error && error.message,
    "cells routing: missing gl_project_path in /allowed response",
  );
});

Deno.test("internal-api.md 6.6: a cell's refusal is shown", async () => {
  await using cell = startFakePrimary(() => ({
    status: 404,
    body: ["Not found"],
  }));
  const { error } = await runRemotely({
    service: "upload-pack",
    answer: { cellAddress: cell.url },
  });
  assertEquals(error instanceof Error && error.message, "Not found");
});

Deno.test("internal-api.md 6.6: an archive of another cell tries its Gitaly", async () => {
  const { run } = await import("../../../src/command/upload_archive.ts");
  const { makeFakeSession, makeRequest } = await import(
    "../../support/fake_session.ts"
  );
  const session = makeFakeSession({
    answer: { cellAddress: "http://127.0.0.1:1" },
  });
  await run(makeRequest(["git-upload-archive", "a"]), session.context);
  assertEquals(session.packCalls.length, 1);
});
