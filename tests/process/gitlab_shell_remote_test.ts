/**
 * gitlab-shell whose access check sends it elsewhere: to a Geo primary, or to
 * the cell that the Topology Service names.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { ScriptedAnswer } from "../../src/devstack/api/script.ts";
import { SAMPLE } from "../../src/devstack/sample.ts";
import {
  startTopology,
  type Topology,
} from "../../src/devstack/topology/topology_service.ts";
import {
  type FakePrimary,
  type PrimaryAnswer,
  startFakePrimary,
} from "../support/fake_primary.ts";
import { programPath, runProgram } from "../support/dist.ts";
import { startTlsTopology } from "../support/tls_topology.ts";
import { topologyLines } from "../support/remote_world.ts";
import { info, ShellStand, testOnStand, warn } from "../support/shell_stand.ts";

const FETCH = `git-upload-pack '${SAMPLE.project}'`;
const PUSH = `git-receive-pack '${SAMPLE.project}'`;
const PREFIX = "001e# service=git-upload-pack\n0000";
const PUSH_PREFIX = "001f# service=git-receive-pack\n0000";
const ADV = "0008refs0000";
const OLD = "a".repeat(40);
const ZERO = "0".repeat(40);
const pkt = (text: string) =>
  (text.length + 4).toString(16).padStart(4, "0") + text;
const REMOVAL = pkt(`${OLD} ${ZERO} refs/heads/a\0report-status`);

let stand: ShellStand;
let cellStand: ShellStand;
let topology: Topology;
let far: FakePrimary;
/** How the far server answers the requests of the present test. */
let answers: readonly PrimaryAnswer[] = [];
let mark = 0;

const seen = () => far.seen.slice(mark);

Deno.test.beforeAll(async () => {
  far = startFakePrimary((index) =>
    answers[index - mark] ?? { status: 500, body: ["asked too often"] }
  );
  topology = await startTopology({
    listen: [{ transport: "tcp", hostname: "127.0.0.1", port: 0 }],
    cells: { "route:tanuki": "127.0.0.1:1", "username:mira": "127.0.0.1" },
  });
  stand = await ShellStand.start();
  cellStand = await ShellStand.start({
    configLines: topologyLines(topology, String(far.port)),
    logLevel: "debug",
  });
});
Deno.test.afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await cellStand[Symbol.asyncDispose]();
  await topology[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

const test = (name: string, run: () => Promise<void>) =>
  testOnStand(name, async () => {
    mark = far.seen.length;
    await run();
  });

/** The answer of a secondary, on the next access check. */
function sendOn(
  data: Record<string, unknown> = {},
  messages: readonly string[] = [],
): void {
  const body = JSON.stringify({
    status: true,
    payload: {
      action: "geo_proxy_to_primary",
      data: {
        primary_repo: far.url,
        request_headers: { Authorization: "token" },
        ...data,
      },
    },
    gl_console_messages: messages,
  });
  stand.answer("/allowed", { status: 300, body } satisfies ScriptedAnswer);
}

interface Row {
  readonly name: string;
  readonly command: string;
  readonly data?: Record<string, unknown>;
  readonly answers: readonly PrimaryAnswer[];
  readonly stdin?: string;
  readonly staysOpen?: boolean;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitStatus?: number;
  /** Bodies of the requests. */
  readonly bodies: readonly string[];
}

const reads = (text: string): PrimaryAnswer => ({
  readsFirst: true,
  body: [text],
});
const FLAGS = {
  geo_proxy_fetch_ssh_direct_to_primary: true,
  geo_proxy_push_ssh_direct_to_primary: true,
};
const ROWS: readonly Row[] = [
  {
    name: "shell.md case 160: a fetch by two requests",
    command: FETCH,
    answers: [{ body: [PREFIX, ADV] }, reads("PACK")],
    stdin: "00000009done\n",
    stdout: `${ADV}PACK`,
    bodies: ["", "00000009done\n"],
  },
  {
    name: "shell.md case 162: a primary that refuses without a word",
    command: FETCH,
    answers: [{ status: 403 }],
    stderr: warn("Remote repository is unavailable"),
    exitStatus: 1,
    bodies: [""],
  },
  {
    name: "shell.md case 163: a primary that is none",
    command: FETCH,
    answers: [{ body: ["unexpected response"] }],
    stderr: warn("unexpected git-upload-pack response"),
    exitStatus: 1,
    bodies: [""],
  },
  {
    name: "shell.md case 165: a primary that refuses a push",
    command: PUSH,
    answers: [{
      status: 403,
      body: ["You are not allowed to push code to this project"],
    }],
    stderr: warn("You are not allowed to push code to this project"),
    exitStatus: 1,
    bodies: [""],
  },
  {
    name: "shell.md case 168: a push in one write",
    command: PUSH,
    answers: [{ body: [PUSH_PREFIX, ADV] }, reads("ok")],
    stdin: `${pkt(`${ZERO} ${OLD} refs/heads/a`)}0000PACK some data`,
    stdout: `${ADV}ok`,
    bodies: ["", `${pkt(`${ZERO} ${OLD} refs/heads/a`)}0000PACK some data`],
  },
  {
    name: "shell.md case 169: removals alone, and a client that stays",
    command: PUSH,
    answers: [{ body: [PUSH_PREFIX, ADV] }, reads("ok")],
    stdin: `${REMOVAL}0000`,
    staysOpen: true,
    stdout: `${ADV}ok`,
    bodies: ["", `${REMOVAL}0000`],
  },
  {
    name: "shell.md case 172: a fetch by one request",
    command: FETCH,
    data: FLAGS,
    answers: [reads("answer")],
    stdin: "what the client says",
    stdout: "answer",
    bodies: ["what the client says"],
  },
  {
    name: "shell.md 5.3: the answer ends the command, the client stays",
    command: PUSH,
    data: FLAGS,
    answers: [{ body: [ADV] }],
    stdin: "0000",
    staysOpen: true,
    stdout: ADV,
    bodies: [],
  },
  {
    name: "shell.md case 174: no headers",
    command: FETCH,
    data: { ...FLAGS, request_headers: null },
    answers: [reads("answer")],
    stdout: "answer",
    bodies: [""],
  },
];
for (const row of ROWS) {
  test(row.name, async () => {
    sendOn(row.data, ["forwarded to", "", "  the primary"]);
    answers = row.answers;
    const { stdout, stderr, exitStatus } = await runProgram("gitlab-shell", {
      args: ["key-1"],
      env: {
        GITLAB_SHELL_DIR: stand.stack.shellRoot.path,
        SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
        SSH_ORIGINAL_COMMAND: row.command,
        GIT_PROTOCOL: "version=2",
      },
      stdin: row.stdin ?? "",
      staysOpen: row.staysOpen ?? false,
    });
    assertEquals(
      { stdout, stderr, exitStatus },
      {
        stdout: row.stdout ?? "",
        // The messages come first, whatever follows.
        stderr: info("forwarded to", "", "  the primary") + (row.stderr ?? ""),
        exitStatus: row.exitStatus ?? 0,
      },
    );
    if (row.bodies.length === 0) return;
    assertEquals(seen().map(({ body }) => body), row.bodies);
  });
}

test("shell.md 6.4: the records of a command that was sent on", async () => {
  await stand.takeRecords();
  sendOn(FLAGS);
  answers = [reads("answer")];
  await stand.session({ command: FETCH });
  const records = await stand.takeRecords();
  assertEquals(records.map(({ msg }) => msg), [
    "gitlab-shell: main: executing command",
    "Finished HTTP request",
    "Using Git over SSH upload pack",
    "Finished HTTP request",
    "gitlab-shell: main: command executed successfully",
  ]);
  assertEquals(records[3]?.["url"], `${far.url}/ssh-upload-pack`);
  const ids = new Set(records.map(({ correlation_id }) => correlation_id));
  assertEquals(ids.size, 1);
});

test("a user who has gone is not waited for", async () => {
  sendOn(FLAGS);
  answers = [{
    body: async function* () {
      for (;;) yield "x".repeat(65_536);
    },
  }];
  const { exitStatus } = await runProgram("gitlab-shell", {
    shell: '"$0" key-1 | head -c 1000 >/dev/null; exit 0',
    env: {
      GITLAB_SHELL_DIR: stand.stack.shellRoot.path,
      SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
      SSH_ORIGINAL_COMMAND: FETCH,
    },
  });
  assertEquals(exitStatus, 0);
});

const CELLS = [
  ["shell.md case 178", FETCH, "ssh-upload-pack"],
  ["shell.md case 179, internal-api.md case 125", PUSH, "ssh-receive-pack"],
] as const;
for (const [name, command, word] of CELLS) {
  test(`${name}: a project of another cell`, async () => {
    await cellStand.takeRecords();
    const requests = cellStand.requestCount;
    answers = [
      {
        body: [JSON.stringify({
          status: true,
          gl_id: "user-1",
          gl_console_messages: ["from the cell"],
          gitaly: { repository: { gl_project_path: "group/project" } },
        })],
      },
      reads("answer"),
    ];
    const { stdout, stderr, exitStatus } = await cellStand.session({
      command,
      stdin: "what the client says",
    });
    assertEquals({ stdout, stderr, exitStatus }, {
      stdout: "answer",
      stderr: info("from the cell"),
      exitStatus: 0,
    });
    assertEquals(seen().map(({ method, target }) => `${method} ${target}`), [
      "POST /api/v4/internal/allowed",
      `POST /group/project.git/${word}`,
    ]);
    assertEquals(seen()[1]?.body, "what the client says");
    assertEquals(cellStand.requestCount, requests);
    const records = await cellStand.takeRecords();
    assertEquals(records.map(({ msg }) => msg), [
      "gitlab-shell: main: executing command",
      "Topology Service resolved cell address",
      "Finished HTTP request",
      `Cells: using SSH-over-HTTP ${word.slice("ssh-".length)}`,
      "Finished HTTP request",
      "gitlab-shell: main: command executed successfully",
    ]);
  });
}

test("shell.md case 183: a cell that does not tell the path", async () => {
  answers = [{ body: ['{"status":true}'] }];
  const { stderr, exitStatus } = await cellStand.session({ command: FETCH });
  assertEquals(
    [stderr, exitStatus],
    [warn("cells routing: missing gl_project_path in /allowed response"), 1],
  );
});

test("internal-api.md case 122: discover follows a user name", async () => {
  answers = [{ body: ['{"id":5,"username":"mira"}'] }];
  const { stdout } = await cellStand.session({ args: ["username-mira"] });
  assertEquals(stdout, "Welcome to GitLab, @mira!\n");
  assertEquals(seen()[0]?.target, "/api/v4/internal/discover?username=mira");
});

test("internal-api.md case 121: discover of a key asks nobody else", async () => {
  const asked = topology.requests.all.length;
  const { stdout } = await cellStand.session();
  assertEquals(stdout, "Welcome to GitLab, @mira!\n");
  assertEquals(topology.requests.all.length, asked);
  assertEquals(seen(), []);
});

test("internal-api.md case 117: a Topology Service that is down is not noticed", async () => {
  await cellStand.takeRecords();
  const down = { kind: "status", code: 14, text: "down" } as const;
  topology.enqueue(down, down, down);
  const { stderr } = await cellStand.session({
    command: `git-upload-pack '${SAMPLE.privateProject}'`,
  });
  // The default host has answered.
  assert(stderr.includes("could not be found"), stderr);
  const records = await cellStand.takeRecords();
  assertEquals(records.slice(1, 4).map(({ level }) => level), [
    "INFO",
    "INFO",
    "WARN",
  ]);
});

test("internal-api.md case 124: the key look-up asks for the fingerprint", async () => {
  const asked = topology.requests.all.length;
  const { exitStatus } = await runProgram(
    "gitlab-shell-authorized-keys-check",
    {
      args: ["git", "git", "AAAAC3NzaC1lZDI1NTE5AAAAIA=="],
      env: { GITLAB_SHELL_DIR: cellStand.stack.shellRoot.path },
    },
  );
  assertEquals(exitStatus, 0);
  const [question] = topology.requests.all.slice(asked);
  assertEquals(question?.claim, "ssh_key_fingerprint");
  assertEquals(
    question?.metadata["x-gitlab-client-name"],
    "gitlab-shell-authorized-keys-check-topology",
  );
});

const TLS = new URL("../testdata/tls/", import.meta.url).pathname;
const TLS_WAYS = [
  ["TLS", false, [`ca_file: ${TLS}ca.pem`]],
  ["mTLS", true, [
    `ca_file: ${TLS}ca.pem`,
    `cert_file: ${TLS}localhost.pem`,
    `key_file: ${TLS}localhost.key`,
  ]],
  ["mTLS, and whoever it is", true, [
    "insecure_skip_verify: true",
    `cert_file: ${TLS}localhost.pem`,
    `key_file: ${TLS}localhost.key`,
  ]],
] as const;
for (const [name, requiresCertificate, lines] of TLS_WAYS) {
  test(`internal-api.md 6.1: a Topology Service by ${name}`, async () => {
    await using service = await startTlsTopology(requiresCertificate);
    await using other = await ShellStand.start({
      configLines: [
        "topology_service:",
        "  enabled: true",
        `  address: "localhost:${service.port}"`,
        "  cell_endpoint: { scheme: http, port: 1 }",
        "  tls:",
        "    enabled: true",
        ...lines.map((line) => `    ${line}`),
      ],
    });
    // Nobody owns it, so that the default host answers.
    await other.session({ command: "git-upload-pack 'nobody/x'" });
    assertEquals(service.seen.map(({ claim }) => claim?.route), ["nobody"]);
    assertEquals(other.requestCount, 1);
  });
}

const CONFIG_FAULTS = [
  [
    "internal-api.md case 128: no cell endpoint",
    ['  address: "h:1"'],
    "scheme is required",
  ],
  [
    "internal-api.md case 129: a bare number as timeout",
    ['  address: "h:1"', "  timeout: 5"],
    "timeout",
  ],
] as const;
for (const [name, lines, text] of CONFIG_FAULTS) {
  test(name, async () => {
    await using other = await ShellStand.start({
      configLines: ["topology_service:", "  enabled: true", ...lines],
    });
    const { stderr, exitStatus } = await other.session();
    assertEquals(exitStatus, 1);
    assert(stderr.startsWith("Failed to read config, exiting: "), stderr);
    assert(stderr.includes(text), stderr);
  });
}

// Waits out the real limit, which is a minute: for whoever sets the variable.
if (Deno.env.get("GEO_SILENCE_FULL") !== undefined) {
  test("a primary that never answers is given up within a minute", async () => {
    sendOn(FLAGS);
    answers = [{ isSilent: true }];
    const startMs = performance.now();
    const child = new Deno.Command(programPath("gitlab-shell"), {
      args: ["key-1"],
      env: {
        GITLAB_SHELL_DIR: stand.stack.shellRoot.path,
        SSH_CONNECTION: "127.0.0.1 0 127.0.0.2 65535",
        SSH_ORIGINAL_COMMAND: FETCH,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const { code, stderr } = await child.output();
    await child.stdin.close();
    const elapsedMs = performance.now() - startMs;
    assertEquals(code, 1);
    assertEquals(
      new TextDecoder().decode(stderr),
      warn("Remote repository is unavailable"),
    );
    assert(elapsedMs > 59_000 && elapsedMs < 65_000, String(elapsedMs));
  });
}
