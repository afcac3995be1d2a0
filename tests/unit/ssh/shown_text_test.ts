import { assertEquals } from "@std/assert";
import { shorten } from "../../../src/ssh/shown_text.ts";

Deno.test("shorten() leaves short text alone and cuts long text", () => {
  assertEquals(shorten("x".repeat(128)), "x".repeat(128));
  assertEquals(shorten("x".repeat(129)), "x".repeat(128) + "…");
});

Deno.test("shorten() cuts no character in half", () => {
  const text = "x".repeat(127) + "😀".repeat(10);
  assertEquals(shorten(text), "x".repeat(127) + "\ufffd…");
});
