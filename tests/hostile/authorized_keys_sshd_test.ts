/**
 * sshd as the second opinion on authorized_keys lines: behind hundreds of
 * damaged lines it takes each line of ours as we mean it, whatever the id and
 * the comment, and runs our forced command and nothing of the line's.
 */
import { assertEquals } from "@std/assert";
import {
  formatKeyLine,
  parseShellPath,
  RefusedLineError,
} from "../../src/keys/line.ts";
import {
  classifyLine,
  makeLineShape,
  parseManagedLine,
} from "../../src/keys/line_class.ts";
import { makeSpan } from "../../src/keys/line_scan.ts";
import { answerAsGitlab } from "../support/gitlab_answers.ts";
import { makeInput } from "../support/fuzz_damage.ts";
import { ed25519Key } from "../support/key_samples.ts";
import { KeysSshd, NO_KEYS_SSHD } from "../support/keys_sshd.ts";
import { openScriptedApi } from "../support/scripted_api.ts";
import { SeededRandom } from "../support/seeded_random.ts";

const DAMAGED_LINES = 400;
/** Comments that would mean something, if a line were read otherwise. */
const COMMENTS = [
  "",
  ' a "quoted" comment',
  ' command="/bin/echo other" no-pty',
  " # not a comment",
  " trailing\\",
  " \u00fc\u8a9e $(id) `id` ${HOME} ; id",
] as const;

const encoder = new TextEncoder();

Deno.test({
  name:
    `sshd and we read ${COMMENTS.length} lines alike, behind ${DAMAGED_LINES} damaged ones${NO_KEYS_SSHD}`,
  ignore: NO_KEYS_SSHD !== "",
  async fn() {
    await using api = openScriptedApi([answerAsGitlab(new Map())]);
    await using stand = await KeysSshd.install(api.url);
    const { stdout: snippet } = await stand.keys("sshd-config", "file");
    await stand.start(snippet);
    const path = parseShellPath(stand.root);
    const shape = makeLineShape(path);
    const damaged = makeDamagedLines(formatKeyLine(path, "9", ed25519Key(9)));
    for (const [index, comment] of COMMENTS.entries()) {
      const id = `${7_000 + index}`;
      const [type, blob] = stand.publicKey("user").split(" ");
      const line = encoder.encode(
        formatKeyLine(path, id, `${type} ${blob}${comment}`),
      );
      const span = makeSpan(line);
      assertEquals(classifyLine(span, shape), "managed");
      const { idStart, idEnd } = parseManagedLine(span, shape);
      const read = new TextDecoder().decode(line.subarray(idStart, idEnd));
      assertEquals(read, `key-${id}`);
      await Deno.writeFile(
        stand.authFile,
        Uint8Array.from([...damaged, ...line, 0x0a]),
        { mode: 0o600 },
      );
      assertEquals(await stand.login("user"), {
        stdout: `Welcome to GitLab, @owner-of-${id}!\n`,
        stderr: "",
        exitStatus: 0,
      });
    }
  },
});

/** Lines of another key, damaged; each ends, or it would swallow ours. */
function makeDamagedLines(good: string): Uint8Array {
  const random = new SeededRandom(4_711);
  const material = {
    pool: [encoder.encode(good)],
    words: ['"', "\\", " ", "#", "\r", "\0", "command=", ","]
      .map((word) => encoder.encode(word)),
  };
  const lines = Array.from({ length: DAMAGED_LINES }, () => [
    ...makeInput(random, material).map((byte) => byte === 0x0a ? 0x20 : byte),
    0x0a,
  ]);
  return Uint8Array.from(lines.flat());
}

Deno.test("what would end a line is refused before there is one", () => {
  const path = parseShellPath("/srv/shell");
  for (const bad of ["a\nb", "a\rb", "a\0b", "a\u007fb", ""]) {
    let refused = 0;
    for (const [id, key] of [[bad, ed25519Key(1)], ["1", bad]] as const) {
      try {
        formatKeyLine(path, id, key);
      } catch (error) {
        if (error instanceof RefusedLineError) refused++;
      }
    }
    assertEquals(refused, 2, JSON.stringify(bad));
  }
});
