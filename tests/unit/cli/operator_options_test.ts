import { assertEquals, assertThrows } from "@std/assert";
import { parseDoctorOptions } from "../../../src/cli/doctor.ts";
import { parseOperatorOptions } from "../../../src/cli/operator_options.ts";
import { UsageError } from "../../../src/core/errors.ts";

const KNOWN = { flags: ["json"], values: ["user"] };

Deno.test("parseOperatorOptions() takes both spellings of a value", () => {
  for (const args of [["--user=a=b"], ["--user", "a=b"]]) {
    const { values, words } = parseOperatorOptions(args, KNOWN);
    assertEquals([values.get("user"), words], ["a=b", []]);
  }
});

const REFUSED = [
  [["--jsn"], 'unknown option "--jsn"'],
  [["-j"], 'unknown option "-j"'],
  [["--json=1"], "--json has no value"],
  [["--json", "--json"], "--json was given twice"],
  [["--user"], "--user needs a value"],
  [["--user="], "--user needs a value"],
] as const;
for (const [args, message] of REFUSED) {
  Deno.test(`parseOperatorOptions() refuses ${args.join(" ")}`, () => {
    assertThrows(
      () => parseOperatorOptions(args, KNOWN),
      UsageError,
      message,
    );
  });
}

const TOGETHER = [
  [["--project=a/b"], "--project needs --user or --key"],
  [["--user=a"], "--user needs --project"],
  [["--user=a", "--key=b", "--project=c"], "--user and --key exclude"],
  [["extra"], "doctor takes options alone"],
] as const;
for (const [args, message] of TOGETHER) {
  Deno.test(`parseDoctorOptions() refuses ${args.join(" ")}`, () => {
    assertThrows(() => parseDoctorOptions(args), UsageError, message);
  });
}
