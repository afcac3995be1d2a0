/**
 * git-lfs-transfer as a program: what it needs before it says a word, how it
 * ends, and what a large object costs.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import type { ScriptedAnswer } from "../../src/devstack/api/script.ts";
import { startLfsServer } from "../../src/devstack/lfs/lfs_server.ts";
import { SAMPLE, SAMPLE_PROJECTS } from "../../src/devstack/sample.ts";
import type { ProgramOutcome } from "../support/dist.ts";
import { b, D, errorReply, F, GREETING, t } from "../support/lfs_session.ts";
import { LargeTransfer } from "../support/lfs_transfer_run.ts";
import { info, ShellStand, testOnStand, warn } from "../support/shell_stand.ts";

const UPLOAD = `git-lfs-transfer ${SAMPLE.project}.git upload`;
const DOWNLOAD = `git-lfs-transfer ${SAMPLE.project}.git download`;
const OBJECT = "hello world\n";
const OID = createHash("sha256").update(OBJECT).digest("hex");
const PROJECT_ID = SAMPLE_PROJECTS.find(({ path }) => path === SAMPLE.project)
  ?.id ?? 0;
const MIB = 1024 * 1024;
/** 1024 and more for the figures of the documentation. */
const BIG_MIB = Number(Deno.env.get("LFS_BIG_MIB") ?? 192);
const PEAK_RSS_MIB_MAX = 110;

let stand: ShellStand;
/** The same without the setting. */
let closed: ShellStand;
Deno.test.beforeAll(async () => {
  const configLines = ["lfs:", "  pure_ssh_protocol: true"];
  stand = await ShellStand.start({ configLines });
  closed = await ShellStand.start();
});
Deno.test.afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
});

const json = (value: unknown, status = 200): ScriptedAnswer => ({
  status,
  headers: [["Content-Type", "application/json"]],
  body: JSON.stringify(value),
});

testOnStand(
  "lfs.md cases 13 and 14: without the setting there is no such command",
  async () => {
    const mark = closed.requestCount;
    const outcome = await closed.session({ command: UPLOAD, stdin: t("quit") });
    assertEquals(outcome, {
      stdout: "",
      stderr: "Disallowed command\n",
      exitStatus: 1,
    });
    assertEquals(closed.requestsSince(mark), []);
  },
);

for (
  const command of [
    "git-lfs-transfer a",
    "git-lfs-transfer a upload b",
    "git-lfs-transfer a Upload",
    "git lfs-transfer a list",
  ]
) {
  testOnStand(`lfs.md case 15: ${command}`, async () => {
    const mark = stand.requestCount;
    assertEquals(await stand.session({ command }), {
      stdout: "",
      stderr: warn("Disallowed command"),
      exitStatus: 1,
    });
    assertEquals(stand.requestsSince(mark), []);
  });
}

interface Refusal {
  readonly name: string;
  readonly allowed?: readonly ScriptedAnswer[];
  readonly authenticated?: readonly ScriptedAnswer[];
  readonly stderr: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "case 16: access is denied, after messages",
    allowed: [
      json({ status: false, message: "no", gl_console_messages: ["hello"] }),
    ],
    stderr: info("hello") + warn("no"),
  },
  {
    name: "case 16: access is denied by status",
    allowed: [json({ status: false, message: "Disallowed by API call" }, 403)],
    stderr: warn("Disallowed by API call"),
  },
  {
    name: "case 18: no token, by status",
    authenticated: [{ status: 403 }],
    stderr: warn("Internal API error (403)"),
  },
  {
    name: "case 18: no token, in GitLab's words",
    authenticated: [json({ message: "LFS is off" }, 404)],
    stderr: warn("LFS is off"),
  },
  {
    name: "case 18: no token, and no JSON",
    authenticated: [{ body: "<html>" }],
    stderr: warn("parsing failed"),
  },
  {
    name: "case 18: no answer about a token",
    authenticated: [{ status: 500 }, { status: 500 }, { status: 500 }],
    stderr: warn("Internal API unreachable"),
  },
];
for (const { name, allowed = [], authenticated = [], stderr } of REFUSALS) {
  testOnStand(`lfs.md ${name}`, async () => {
    stand.answer("/allowed", ...allowed);
    stand.answer("/lfs_authenticate", ...authenticated);
    const outcome = await stand.session({ command: UPLOAD, stdin: t("quit") });
    assertEquals(outcome, { stdout: "", stderr, exitStatus: 1 });
  });
}

testOnStand("lfs.md case 17: who may only read may download", async () => {
  const command = `git-lfs-transfer ${SAMPLE.readOnlyProject}`;
  const upload = await stand.session({ command: `${command} upload` });
  assertEquals([upload.stdout, upload.exitStatus], ["", 1]);
  const download = await stand.session({ command: `${command} download` });
  assertEquals([download.stdout, download.exitStatus], [GREETING, 0]);
});

testOnStand(
  "lfs.md cases 19 and 28: the greeting, and the end of input",
  async () => {
    const outcome = await stand.session({ command: DOWNLOAD });
    assertEquals(outcome, { stdout: GREETING, stderr: "", exitStatus: 0 });
  },
);

testOnStand(
  "lfs.md case 27: quit ends the session, whatever follows",
  async () => {
    const outcome = await stand.session({
      command: DOWNLOAD,
      stdin: `${t("quit")}zzzz`,
    });
    assertEquals(outcome, {
      stdout: `${GREETING}${t("status 200")}${F}`,
      stderr: "",
      exitStatus: 0,
    });
  },
);

for (
  const [input, message] of [
    ["0002", "Invalid packet length."],
    ["zzzz", 'strconv.ParseInt: parsing "zzzz": invalid syntax'],
    ["00", "unexpected EOF"],
  ] as const
) {
  testOnStand(`lfs.md case 29: ${input} instead of a command`, async () => {
    assertEquals(await stand.session({ command: UPLOAD, stdin: input }), {
      stdout: GREETING,
      stderr: warn(message),
      exitStatus: 1,
    });
  });
}

/** The id and token that a batch gives out; for an upload nothing is there. */
async function askFor(operation: "upload" | "download"): Promise<string> {
  const { store } = stand.stack.lfs.state;
  if (operation === "upload") {
    await Deno.remove(store.pathOf(PROJECT_ID, OID)).catch(() => {});
  }
  const { stdout } = await stand.session({
    command: operation === "upload" ? UPLOAD : DOWNLOAD,
    stdin: t("batch") + D + t(`${OID} 12`) + F,
  });
  const [, id = "", token = ""] = / (id=\S+) (token=\S+)/.exec(stdout) ?? [];
  return t(id) + t(token);
}

/** Stores the object, and verifies it. */
async function putObject(): Promise<ProgramOutcome> {
  return await stand.session({
    command: UPLOAD,
    stdin: t(`put-object ${OID}`) + t("size=12") + await askFor("upload") +
      D + b(OBJECT) + F + t(`verify-object ${OID}`) + t("size=12") + F,
  });
}

testOnStand(
  "lfs.md T2 and T4: an object goes there and comes back, each in a session of its own",
  async () => {
    const put = await putObject();
    const ok = t("status 200") + F;
    assertEquals(put, {
      stdout: GREETING + ok + ok,
      stderr: "",
      exitStatus: 0,
    });
    const get = await stand.session({
      command: DOWNLOAD,
      stdin: t(`get-object ${OID}`) + await askFor("download") + F,
    });
    assertEquals(
      get.stdout,
      GREETING + t("status 200") + t("size=12") + D + b(OBJECT) + F,
    );
  },
);

testOnStand(
  "lfs.md 2.1: a token that has expired opens nothing any more",
  async () => {
    await putObject();
    const proof = await askFor("download");
    stand.stack.lfs.forgetObjectDoors();
    const outcome = await stand.session({
      command: DOWNLOAD,
      stdin: t(`get-object ${OID}`) + proof + F + t("quit"),
    });
    assertEquals(
      outcome.stdout,
      GREETING + errorReply(404, `object ${OID} not found`) + t("status 200") +
        F,
    );
    // And the session's own: every call of the API is refused from then on.
    const { lfs } = stand.stack;
    stand.answer(
      "/lfs_authenticate",
      json({
        username: SAMPLE.username,
        lfs_token: "expired",
        repository_http_path: `${lfs.url}/${SAMPLE.project}.git`,
      }),
    );
    const mark = lfs.requests.all.length;
    const late = await stand.session({
      command: DOWNLOAD,
      stdin: t("batch") + D + t(`${OID} 12`) + F + t("list-lock") + F,
    });
    assertEquals(
      late.stdout,
      GREETING + errorReply(500, "internal error") + t("status 200") + D + F,
    );
    assertEquals(
      lfs.requests.all.slice(mark).map(({ route, status }) => [route, status]),
      [["batch", 401], ["verify", 401]],
    );
  },
);

testOnStand(
  "lfs.md 2.1: the log tells of both ends, and of no secret",
  async () => {
    const proof = await askFor("upload");
    await stand.takeRecords();
    await stand.session({
      command: UPLOAD,
      stdin: t(`put-object ${OID}`) + t("size=12") + proof + D + F,
    });
    const records = await stand.takeRecords();
    const text = JSON.stringify(records);
    const messages = records.map(({ msg }) => msg);
    assert(messages.includes("processing action"), text);
    assert(messages.includes("done processing commands"), text);
    for (const word of proof.match(/=(\S+)/g) ?? []) {
      assert(!text.includes(word.slice(1)), word);
    }
    for (const token of stand.stack.api.state.lfsGrants.keys()) {
      assert(!text.includes(token));
    }
  },
);

testOnStand(
  `lfs.md cases 58 and 73: ${BIG_MIB} MiB both ways in flat memory`,
  async () => {
    const large = new LargeTransfer(stand, BIG_MIB * MIB);
    const up = await large.upload();
    assertEquals(up.reply, t("status 200") + F);
    assert(
      up.peakRssMib <= PEAK_RSS_MIB_MAX,
      `upload took ${up.peakRssMib} MiB`,
    );
    const down = await large.download();
    assertEquals(down.sha256, large.oid);
    assert(
      down.peakRssMib <= PEAK_RSS_MIB_MAX,
      `download took ${down.peakRssMib} MiB`,
    );
    if (BIG_MIB > 192) console.log({ up, down });
  },
);

testOnStand(
  "lfs.md 2.2: over https with the certificates of the system, and no others",
  async () => {
    const folder = new URL("../testdata/tls/", import.meta.url);
    const read = (name: string) => Deno.readTextFile(new URL(name, folder));
    const { state } = stand.stack.api;
    await using store = startLfsServer({
      listen: {
        transport: "tls",
        hostname: "localhost",
        port: 0,
        cert: await read("localhost.pem"),
        key: await read("localhost.key"),
      },
      folder: `${stand.stack.folder}/tls`,
      api: state,
    });
    const before = state.lfsUrl;
    state.lfsUrl = store.url;
    try {
      const trusting = {
        SSL_CERT_FILE: new URL("ca.pem", folder).pathname,
        SSL_CERT_DIR: "/nowhere",
      };
      const session = (stdin: string, env: Record<string, string>) =>
        stand.session({ command: UPLOAD, stdin, env });
      const batch = t("batch") + D + t(`${OID} 12`) + F;
      const { stdout } = await session(batch, trusting);
      const [, id = "", token = ""] = / (id=\S+) (token=\S+)/.exec(stdout) ??
        [];
      const put = t(`put-object ${OID}`) + t("size=12") + t(id) + t(token) + D +
        b(OBJECT) + F;
      assertEquals(
        (await session(put, trusting)).stdout,
        GREETING + t("status 200") + F,
      );
      assertEquals(await store.state.store.list(), [OID]);
      const count = store.requests.all.length;
      const doubting = { ...trusting, SSL_CERT_FILE: "/nowhere" };
      assertEquals(
        (await session(batch, doubting)).stdout,
        GREETING + errorReply(500, "internal error"),
      );
      assertEquals(store.requests.all.length, count);
    } finally {
      state.lfsUrl = before;
    }
  },
);
