/**
 * A user's own account over real ssh, by both doors, against the stand-in's
 * own answers.
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { SAMPLE } from "../../src/devstack/sample.ts";
import { DOOR_NAMES, onSshWorld } from "../support/ssh_world.ts";

const AUDIT = "/shellhorse/git_audit_event";
const OTP_RIGHT = "OTP validation successful. Git operations are now allowed.";
const PUSH_RIGHT =
  "OTP has been validated by Push Authentication. Git operations are now allowed.";
const POLL_MS = 20;
/** Well below the 30 s after which the command gives up by itself. */
const END_TIMEOUT_MS = 15_000;

for (const doorName of DOOR_NAMES) {
  const test = onSshWorld(doorName);

  test(
    "sshd.md case 75: 2fa_recovery_codes shows what GitLab made",
    async (client, { stack }) => {
      const { stdout, stderr, exitStatus } = await client.talk(
        "yes\n",
        "2fa_recovery_codes",
      );
      const codes = stack.api.state.recoveryCodes.get(SAMPLE.userId) ?? [];
      assertEquals([stderr, exitStatus, codes.length], ["", 0, 10]);
      assertStringIncludes(
        stdout,
        `(yes/no)\n\nYour two-factor authentication recovery codes are:\n\n${
          codes.join("\n")
        }\n\nDuring sign in`,
      );
    },
  );

  const passwords = [
    [`${SAMPLE.otp}\n`, OTP_RIGHT],
    ["000000\n", "OTP validation failed: Invalid OTP"],
    ["\n", "OTP validation failed: OTP cannot be blank"],
    ["", "OTP validation failed: OTP cannot be blank"],
  ] as const;
  for (const [typed, result] of passwords) {
    test(`2fa_verify of ${JSON.stringify(typed)}`, async (client) => {
      assertEquals(await client.talk(typed, "2fa_verify"), {
        stdout: `OTP: \n${result}\n`,
        stderr: "",
        exitStatus: 0,
      });
    });
  }

  test("2fa_verify by phone", async (client, { stack }) => {
    const { pushes } = stack.api.state;
    let hasEnded = false;
    const verified = client.talk(undefined, "2fa_verify")
      .finally(() => hasEnded = true);
    // Earlier sessions have left questions, which may be what is answered.
    while (!hasEnded) {
      pushes.approve(SAMPLE.userId);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    assertEquals(await verified, {
      stdout: `OTP: \n${PUSH_RIGHT}\n`,
      stderr: "",
      exitStatus: 0,
    });
  });

  test(
    "sshd.md case 74: personal_access_token makes one",
    async (client, { stack }) => {
      const { stdout, stderr, exitStatus } = await client.ssh(
        "personal_access_token",
        "reef",
        "read_api,read_user",
        "0",
      );
      assertEquals([stderr, exitStatus], ["", 0]);
      const [token] = [...stack.api.state.tokens.values()].slice(-1);
      assertEquals(
        stdout,
        `Token:   ${token?.token}\nScopes:  read_api,read_user\n` +
          `Expires: ${token?.expires_at}\n`,
      );
    },
  );

  test("personal_access_token says how it is used", async (client) => {
    const { stdout, stderr, exitStatus } = await client.ssh(
      "personal_access_token",
    );
    assertEquals([stdout, exitStatus], ["", 1]);
    assertMatch(stderr, /^remote: (ERROR: )?Usage: personal_access_token </m);
    assertEquals(stderr.includes("ERROR: "), doorName === "gitlab-sshd");
  });

  test(
    "sshd.md case 76: git-lfs-authenticate lets a client in",
    async (client, { stack }) => {
      const { stdout, stderr, exitStatus } = await client.ssh(
        "git-lfs-authenticate",
        SAMPLE.project,
        "download",
      );
      assertEquals([stderr, exitStatus], ["", 0]);
      const answer = JSON.parse(stdout);
      assertEquals(
        answer.href,
        `${stack.lfs.url}/${SAMPLE.project}.git/info/lfs`,
      );
      const [name, token = ""] = atob(
        answer.header.Authorization.replace("Basic ", ""),
      ).split(":");
      assertEquals(name, SAMPLE.username);
      assertEquals(
        stack.api.state.lfsGrants.get(token)?.projectPath,
        SAMPLE.project,
      );
    },
  );

  test(
    "sshd.md case 76: git-lfs-authenticate that fails says nothing",
    async (client, { stack }) => {
      const words = ["git-lfs-authenticate", SAMPLE.project, "download"];
      stack.api.script.enqueue("/lfs_authenticate", { status: 403 });
      assertEquals(await client.ssh(...words), {
        stdout: "",
        stderr: "",
        exitStatus: 0,
      });
    },
  );

  test(
    "2fa_verify ends when its client is killed",
    async (client, { stack }) => {
      const { logFile } = stack.shellRoot;
      const mark = (await Deno.readTextFile(logFile)).length;
      const child = client.startTalk("2fa_verify");
      const output = child.stdout.getReader();
      await output.read();
      child.kill("SIGKILL");
      await Promise.all([child.status, output.cancel(), child.stderr.cancel()]);
      await child.stdin.close().catch(() => {});
      const startMs = performance.now();
      let said = "";
      while (!said.includes("OTP cannot be blank")) {
        said = (await Deno.readTextFile(logFile)).slice(mark);
        assert(performance.now() - startMs < END_TIMEOUT_MS, said);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  );

  test("git-lfs-authenticate obeys GitLab", async (client) => {
    const { stdout, stderr, exitStatus } = await client.ssh(
      "git-lfs-authenticate",
      SAMPLE.readOnlyProject,
      "upload",
    );
    assertEquals([stdout, exitStatus], ["", 1]);
    assertStringIncludes(stderr, "You are not allowed to push code");
  });

  test(
    "a clone is told of, with its figures, before git ends",
    async (client, { stack }) => {
      const mark = stack.api.state.auditEvents.all.length;
      const url = client.url(SAMPLE.readOnlyProject);
      const { exitStatus, stderr } = await client.git(["clone", url, "a"]);
      assertEquals(exitStatus, 0, stderr);
      const [event, ...more] = stack.api.state.auditEvents.all.slice(mark);
      assertEquals(more, []);
      const { packfile_stats: stats, ...rest } = event ?? {};
      assertEquals(rest, {
        action: "git-upload-pack",
        protocol: "ssh",
        gl_repository: "project-89",
        username: SAMPLE.username,
        key_id: SAMPLE.keyId,
        check_ip: "127.0.0.1",
        changes: "_any",
      });
      const { wants } = stats as { wants?: number };
      assert(wants !== undefined && wants > 0, JSON.stringify(stats));
    },
  );

  test(
    "an audit that is refused spoils no clone",
    async (client, { stack }) => {
      stack.api.script.enqueue(AUDIT, { status: 403, body: "<html>" });
      const url = client.url(SAMPLE.readOnlyProject);
      const { exitStatus, stderr } = await client.git(["clone", url, "a"]);
      assertEquals(exitStatus, 0, stderr);
      const log = await Deno.readTextFile(stack.shellRoot.logFile);
      assertStringIncludes(
        log,
        '"failed to audit git event: Internal API error (403)"',
      );
    },
  );

  test(
    "what these commands asked is what GitLab Shell asks",
    (_, { stack }) => {
      const asked = stack.api.requests.all.filter(({ endpoint }) =>
        endpoint !== "/allowed" && endpoint !== "/authorized_keys"
      );
      assert(asked.length >= 10, `${asked.length} requests`);
      assertEquals(asked.flatMap(({ violations }) => violations), []);
      return Promise.resolve();
    },
  );
}
