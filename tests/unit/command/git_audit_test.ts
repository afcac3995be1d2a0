import { assertEquals, assertRejects } from "@std/assert";
import type { GitAuditEvent } from "../../../src/api/git_audit_event.ts";
import { run as runReceivePack } from "../../../src/command/receive_pack.ts";
import { run as runUploadArchive } from "../../../src/command/upload_archive.ts";
import { run as runUploadPack } from "../../../src/command/upload_pack.ts";
import { ApiError, GitalyError } from "../../../src/core/errors.ts";
import {
  type FakeSessionOptions,
  makeFakeSession,
  makeRequest,
} from "../../support/fake_session.ts";

const STATISTICS = {
  payloadSize: 100,
  packets: 6,
  caps: ["ofs-delta"],
  wants: 1,
  haves: 0,
  shallows: 0,
  deepen: "",
  filter: "",
};
const FIELDS = {
  gl_repository: "project-26",
  command: "git-upload-pack",
  gl_user_name: "alex-doe",
  gl_key_type: "key",
  gl_key_id: 123,
};
const FETCH = makeRequest(["git-upload-pack", "group/repo"], {
  remoteAddress: "192.0.2.17:4000",
  namespacePath: "group",
});

function session(
  options: FakeSessionOptions,
  report: (signal?: AbortSignal) => Promise<void> = () => Promise.resolve(),
) {
  const events: GitAuditEvent[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const made = makeFakeSession({
    runPack: () =>
      Promise.resolve({ exitStatus: 0, packfileStatistics: STATISTICS }),
    ...options,
    answer: { needAudit: true, ...options.answer },
    api: {
      reportGitAudit(event, fields, signal) {
        assertEquals(Object.keys(fields), Object.keys(FIELDS));
        events.push(event);
        signals.push(signal);
        return report(signal);
      },
    },
  });
  return { ...made, events, signals };
}

Deno.test("shell.md case 186: a fetch is told of, with its figures", async () => {
  const made = session({});
  await runUploadPack(FETCH, made.context);
  assertEquals(made.events, [{
    action: "git-upload-pack",
    glRepository: "project-26",
    glUsername: "alex-doe",
    glKeyId: 123,
    packfile: STATISTICS,
    remoteAddress: "192.0.2.17:4000",
    namespacePath: "group",
  }]);
  assertEquals(
    made.records.find(({ msg }) => msg === "sending git audit event"),
    { level: "DEBUG", msg: "sending git audit event", ...FIELDS },
  );
});

Deno.test("shell.md 4.11: a fetch of which Gitaly tells no figures has none", async () => {
  const made = session({
    runPack: () =>
      Promise.resolve({ exitStatus: 0, packfileStatistics: undefined }),
  });
  await runUploadPack(FETCH, made.context);
  assertEquals(made.events[0]?.packfile, undefined);
});

Deno.test("shell.md case 188: a push is told of without figures", async () => {
  const made = session({});
  await runReceivePack(
    makeRequest(["git-receive-pack", "group/repo"]),
    made.context,
  );
  assertEquals(made.events[0]?.action, "git-receive-pack");
  assertEquals(made.events[0]?.packfile, undefined);
});

Deno.test("shell.md case 189: a failure is a record, and the command ends well", async () => {
  const error = new ApiError("Internal API unreachable", {
    status: 0,
    kind: "system",
  });
  const made = session({}, () => Promise.reject(error));
  const data = await runUploadPack(FETCH, made.context);
  assertEquals(data.username, "alex-doe");
  assertEquals(made.stderr.text, "");
  assertEquals(made.records.at(-1), {
    level: "ERROR",
    msg: "failed to audit git event: Internal API unreachable",
    ...FIELDS,
  });
});

Deno.test("shell.md cases 190 and 191, 4.8: nothing is told of a failure, an archive, or unasked", async () => {
  const failed = session({
    runPack: () => Promise.reject(new GitalyError(13, "exit status 128")),
  });
  await assertRejects(() => runUploadPack(FETCH, failed.context), GitalyError);
  const unasked = session({ answer: { needAudit: false } });
  await runUploadPack(FETCH, unasked.context);
  const archive = session({});
  await runUploadArchive(
    makeRequest(["git-upload-archive", "group/repo"]),
    archive.context,
  );
  assertEquals(
    [failed.events, unasked.events, archive.events],
    [[], [], []],
  );
});

Deno.test("a client that has left takes no audit event along", async () => {
  const gone = new AbortController();
  gone.abort(new Error("context canceled"));
  const made = session({ signal: gone.signal });
  await runUploadPack(FETCH, made.context);
  assertEquals(made.signals.map((signal) => signal?.aborted), [false]);
});
