import { assertEquals } from "@std/assert";
import { PROGRAM_LIBRARIES } from "../../../src/build/programs.ts";
import { LATE_VARIABLES } from "../../../src/cli/authority.ts";

/** Read before anything is given up, by whom and for what stands elsewhere. */
const EARLY_VARIABLES = /^(CORRELATION_ID|GITALY_|GITLAB_LOG_|OTEL_|SSH_)/;
const EARLY_NAMES = [
  "CALLER_HOME",
  "GITLAB_SHELL_DIR",
  "GIT_PROTOCOL",
  "HOME",
  "TZ",
];

Deno.test("LATE_VARIABLES are all that are not read at the start", () => {
  const all = new Set(
    PROGRAM_LIBRARIES.flatMap(({ environment }) => environment),
  );
  const late = [...all].filter((name) =>
    !EARLY_VARIABLES.test(name) && !EARLY_NAMES.includes(name)
  );
  assertEquals([...LATE_VARIABLES].toSorted(), late.toSorted());
});
