import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import type { Metadata } from "@grpc/grpc-js";
import { LEAN_CARRIER } from "../../../../src/gitaly/http2/lean_carrier.ts";
import { SocketDuplex } from "../../../../src/devstack/socket.ts";
import { CARRIERS, GitalyStand, pkt } from "./gitaly_stand.ts";

const ZERO_OID = "0".repeat(40);
const PUSH = { glId: "key-1", glRepository: "project-1", glUsername: "mira" };

type Fields = Readonly<Record<string, unknown>>;
const VALIDATIONS: readonly (readonly [
  string,
  string,
  (stand: GitalyStand) => Fields,
  number,
  string,
])[] = [
  ["no gl_id and no repository", "SSHReceivePack", () => ({}), 3, "empty GlId"],
  [
    "data in the first message of a push",
    "SSHReceivePack",
    () => ({ ...PUSH, stdin: "eA==" }),
    3,
    "non-empty data in first request",
  ],
  [
    "data in the first message of an archive",
    "SSHUploadArchive",
    ({ repository }) => ({ repository, stdin: "eA==" }),
    3,
    "non-empty stdin in first request",
  ],
  [
    "data and no repository in the first message of an archive",
    "SSHUploadArchive",
    () => ({ stdin: "eA==" }),
    3,
    "repository not set",
  ],
  ["no repository", "SSHReceivePack", () => PUSH, 3, "repository not set"],
  [
    "an empty repository",
    "SSHReceivePack",
    () => ({ ...PUSH, repository: { glRepository: "project-1" } }),
    3,
    "repository not set",
  ],
  [
    "no path",
    "SSHReceivePack",
    () => ({ ...PUSH, repository: { storageName: "default" } }),
    3,
    "repository path not set",
  ],
  [
    "no storage",
    "SSHReceivePack",
    () => ({ ...PUSH, repository: { relativePath: "a.git" } }),
    3,
    "storage name not set",
  ],
  [
    "an unknown storage",
    "SSHUploadArchive",
    () => ({ repository: { storageName: "x", relativePath: "a.git" } }),
    3,
    "storage name not found",
  ],
  [
    "a storage that is gone",
    "SSHUploadArchive",
    () => ({ repository: { storageName: "missing", relativePath: "a.git" } }),
    5,
    "storage does not exist",
  ],
  [
    "a path out of the storage",
    "SSHUploadArchive",
    () => ({
      repository: { storageName: "default", relativePath: "a/../../b" },
    }),
    3,
    "relative path escapes root directory",
  ],
  [
    "a repository that is not there",
    "SSHUploadArchive",
    () => ({ repository: { storageName: "default", relativePath: "a.git" } }),
    5,
    "repository not found",
  ],
  [
    "a file in the place of a repository",
    "SSHUploadArchive",
    ({ relativePath }) => ({
      repository: {
        storageName: "default",
        relativePath: `${relativePath}/HEAD`,
      },
    }),
    13,
    "validate git directory: not a directory",
  ],
  [
    "an option without value",
    "SSHReceivePack",
    ({ repository }) => ({ ...PUSH, repository, gitConfigOptions: ["x"] }),
    13,
    'cannot convert invalid config key: "x"',
  ],
];

for (const carrier of CARRIERS) {
  Deno.test(`gitaly.md case 57: each fault of a first message has its code and text (${carrier})`, async (t) => {
    await using stand = await GitalyStand.start({ carrier });
    using client = stand.plainClient();
    for (const [what, method, makeRequest, code, details] of VALIDATIONS) {
      await t.step(what, async () => {
        const { stdin, ...fields } = makeRequest(stand);
        const request = stdin === undefined
          ? fields
          : { ...fields, stdin: new TextEncoder().encode("x") };
        const metadata = stand.metadata();
        const outcome = await client.run(method, request, { metadata });
        assertEquals([outcome.code, outcome.details], [code, details]);
      });
    }
  });

  Deno.test(`gitaly.md case 57: a repository must be whole (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    using client = stand.plainClient();
    const { repository } = stand;
    for (const name of ["HEAD", "refs", "objects"]) {
      await Deno.rename(
        join(stand.repositoryPath, name),
        join(stand.folder, "gone", name),
      );
      const metadata = stand.metadata();
      const { code, details } = await client.run("SSHUploadArchive", {
        repository,
      }, { metadata });
      const expected = `repository not valid: "${name}" does not exist`;
      assertEquals([code, details], [9, expected]);
    }
  });

  Deno.test(`SSHReceivePack advertises and takes a flush for an answer (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    using client = stand.plainClient();
    const request = { ...PUSH, repository: stand.repository };
    const outcome = await client.run("SSHReceivePack", request, {
      metadata: stand.metadata(),
      stdin: "0000",
    });
    assertEquals([outcome.code, outcome.exitStatus], [0, undefined]);
    assertStringIncludes(outcome.stdout, " refs/heads/coral\0report-status");
    assertStringIncludes(outcome.stdout, " push-options ");
    const [record] = stand.gitaly.calls.all;
    assertEquals(await record?.ended, { code: 0, message: "" });
    assertEquals(record?.request?.glUsername, "mira");
  });

  Deno.test(`SSHReceivePack sends the exit status in front of its error (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    const { status, messages } = await runLean(stand, "0009hello", PUSH);
    assertEquals(status.code, 13);
    assertEquals(status.message, "cmd wait: exit status 128");
    // The exit status is field 3: { value: 128 }.
    assertEquals(messages.at(-1), "1a03088001");
  });

  Deno.test(`gitaly.md 7.5: a client that says nothing has cancelled the push (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier });
    const { status, messages } = await runLean(stand, "", PUSH);
    assertEquals([status.code, status.message], [1, "user canceled the push"]);
    assertEquals(messages.at(-1), "1a03088001");
  });

  Deno.test(`gitaly.md 6.2: an old server ends a failed push with OK (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier, era: "gitaly_15" });
    using client = stand.plainClient();
    const request = { ...PUSH, repository: stand.repository };
    const outcome = await client.run("SSHReceivePack", request, {
      metadata: stand.metadata(),
      stdin: "0009hello",
    });
    assertEquals([outcome.code, outcome.exitStatus], [0, 128]);
  });

  Deno.test(`SSHReceivePack deletes a branch, unless a custom hook declines (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier, hooks: "custom" });
    using client = stand.plainClient();
    const oid = await stand.git("rev-parse", "refs/heads/coral");
    const line = `${oid} ${ZERO_OID} refs/heads/coral\0report-status\n`;
    const push = () =>
      client.run(
        "SSHReceivePack",
        { ...PUSH, repository: stand.repository },
        { metadata: stand.metadata(), stdin: `${pkt(line)}0000` },
      );
    const hooks = join(stand.repositoryPath, "custom_hooks");
    await Deno.mkdir(hooks);
    const hook = join(hooks, "pre-receive");
    const script =
      '#!/bin/sh\necho "$GL_ID $GL_USERNAME says no" >&2; exit 1\n';
    await Deno.writeTextFile(hook, script, { mode: 0o755 });
    const declined = await push();
    assertEquals([declined.code, declined.exitStatus], [0, undefined]);
    assertEquals(declined.stderr, "key-1 mira says no\n");
    assertStringIncludes(declined.stdout, "pre-receive hook declined");
    await Deno.remove(hook);
    assertStringIncludes((await push()).stdout, "ok refs/heads/coral");
    assertEquals(await stand.git("branch", "--list", "coral"), "");
  });

  Deno.test(`SSHUploadArchive sends an archive larger than any window (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      seed: { content: { kind: "bulk", sizeMib: 5 } },
    });
    using client = stand.plainClient();
    const stdin = `${pkt("argument HEAD\n")}0000`;
    const { repository } = stand;
    const metadata = stand.metadata();
    const call = await client.run("SSHUploadArchive", { repository }, {
      metadata,
      stdin,
    });
    assertEquals([call.code, call.exitStatus], [0, 0]);
    const record = stand.gitaly.calls.all[0];
    assertEquals((record?.outputBytes ?? 0) > 5 * 1024 * 1024, true);
  });

  Deno.test(`gitaly.md case 58: an archive that is not asked for is given up (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      timeouts: { uploadArchiveNegotiationMs: 20 },
    });
    using client = stand.plainClient();
    const { repository } = stand;
    const metadata = stand.metadata();
    const call = client.start("SSHUploadArchive", { repository }, metadata);
    const { code, details, exitStatus } = await call.outcome;
    const text =
      "running upload-archive: waiting for negotiation: context canceled";
    assertEquals([code, details, exitStatus], [4, text, undefined]);
    assertEquals(stand.gitaly.gitCount, 0);
  });

  Deno.test(`SSHUploadPack serves a fetch where the era has it (${carrier})`, async () => {
    await using stand = await GitalyStand.start({ carrier, era: "gitaly_14" });
    using client = stand.plainClient();
    const { repository } = stand;
    const outcome = await client.run("SSHUploadPack", {
      repository,
      gitProtocol: "version=2",
    }, { metadata: stand.metadata(), stdin: "0000" });
    assertEquals(outcome.code, 0);
    assertStringIncludes(outcome.stdout, "000eversion 2\n");
  });

  Deno.test(`SSHUploadPack of a SHA-256 repository says so (${carrier})`, async () => {
    await using stand = await GitalyStand.start({
      carrier,
      era: "gitaly_17",
      seed: { objectFormat: "sha256" },
    });
    using client = stand.plainClient();
    const { repository } = stand;
    const { stdout } = await client.run("SSHUploadPack", {
      repository,
      gitProtocol: "version=2",
    }, { metadata: stand.metadata(), stdin: "0000" });
    assertStringIncludes(stdout, "object-format=sha256");
  });

  const UNKNOWN = [
    [
      "gitaly_18",
      "SSHUploadPack",
      12,
      "unknown method SSHUploadPack for service gitaly.SSHService",
    ],
    [
      "gitaly_14",
      "SSHUploadPackWithSidechannel",
      12,
      "unknown method SSHUploadPackWithSidechannel for service gitaly.SSHService",
    ],
    [
      "praefect_14",
      "SSHUploadPackWithSidechannel",
      13,
      "full method name not found: /gitaly.SSHService/SSHUploadPackWithSidechannel",
    ],
  ] as const;
  for (const [era, method, code, details] of UNKNOWN) {
    Deno.test(`gitaly.md case 72: ${era} does not know ${method} (${carrier})`, async () => {
      await using stand = await GitalyStand.start({ carrier, era });
      using client = stand.plainClient();
      const { repository } = stand;
      const metadata = stand.metadata();
      const outcome = await client.run(method, { repository }, { metadata });
      assertEquals([outcome.code, outcome.details], [code, details]);
    });
  }
}

/**
 * Runs a push on the product's own client: grpc-js drops messages that wait
 * when a status other than OK comes in.
 */
async function runLean(stand: GitalyStand, stdin: string, fields: Fields) {
  const conn = await Deno.connect({
    transport: "unix",
    path: stand.socketPath,
  });
  const duplex = new SocketDuplex(conn, new Uint8Array());
  const connection = LEAN_CARRIER.connect(duplex, {
    authority: "localhost",
    scheme: "http",
    keepaliveTimeMs: 20_000,
    keepaliveTimeoutMs: 20_000,
  });
  const { encodePush, encodeStdin } = await import("./push_messages.ts");
  const call = connection.startCall({
    path: "/gitaly.SSHService/SSHReceivePack",
    metadata: pairsOf(stand.metadata()),
    isUnary: false,
  });
  await call.send(encodePush({ ...fields, repository: stand.repository }));
  if (stdin !== "") await call.send(encodeStdin(stdin));
  await call.closeSend();
  const messages: string[] = [];
  for (;;) {
    const message = await call.receive();
    if (message === null) break;
    messages.push(message.toHex());
  }
  const status = await call.status;
  connection.close();
  await connection.closed;
  return { status, messages };
}

function pairsOf(metadata: Metadata): (readonly [string, string])[] {
  return Object.entries(metadata.getMap())
    .map(([name, value]) => [name, String(value)] as const);
}
