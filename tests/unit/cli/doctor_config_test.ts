import { assertEquals } from "@std/assert";
import { judgeSelinux } from "../../../src/cli/doctor_config.ts";

const ROWS = [
  ["# SELINUX=enforcing\nSELINUX=enforcing\nSELINUXTYPE=targeted\n", "warning"],
  ["SELINUX = enforcing", "warning"],
  ["#SELINUX=enforcing\nSELINUX=permissive\n", undefined],
  ["SELINUX=disabled\n", undefined],
  ["", undefined],
] as const;
for (const [text, result] of ROWS) {
  Deno.test(`judgeSelinux() of ${JSON.stringify(text)}`, () => {
    assertEquals(judgeSelinux(text)?.result, result);
  });
}
