import { assert, assertEquals } from "@std/assert";
import {
  ApiError,
  CommandLineError,
  ConfigError,
  DisallowedCommandError,
  errorChainText,
  errorText,
  GitalyError,
  GitTransportError,
  GRPC_CODE,
  GRPC_CODE_NAMES,
  ProtocolError,
  UsageError,
} from "../../../src/core/errors.ts";

Deno.test("each error class has its own name and is an Error", () => {
  const errors = [
    new ProtocolError("x", 3),
    new UsageError("x"),
    new ConfigError("x", { file: "/f" }),
    new DisallowedCommandError(),
    new CommandLineError("x"),
    new ApiError("x", { status: 403, kind: "policy" }),
    new GitTransportError("x"),
    new GitalyError(14, "x"),
  ];
  for (const error of errors) {
    assert(error instanceof Error);
    assertEquals(error.name, error.constructor.name);
  }
  assertEquals(new Set(errors.map(({ name }) => name)).size, errors.length);
});

Deno.test("errors keep what their callers ask for, and the cause", () => {
  const cause = new Error("first");
  const config = new ConfigError("x", { file: "/f", key: "a.b" }, { cause });
  assertEquals([config.file, config.key, config.cause], ["/f", "a.b", cause]);
  assertEquals(new ConfigError("x", { file: "/f" }).key, undefined);
  const api = new ApiError("", { status: 0, kind: "system" }, { cause });
  assertEquals([api.status, api.kind, api.cause], [0, "system", cause]);
  assertEquals(new ProtocolError("x", 3, { cause }).offsetBytes, 3);
  assert(new ProtocolError("x", 3) instanceof SyntaxError);
});

Deno.test("GitalyError spells its text as Go does", () => {
  const error = new GitalyError(14, "no server", ["gitaly.LimitError"]);
  assertEquals(
    error.message,
    "rpc error: code = Unavailable desc = no server",
  );
  assertEquals([error.code, error.details], [14, "no server"]);
  assertEquals(error.detailTypes, ["gitaly.LimitError"]);
  assertEquals(
    new GitalyError(99, "").message,
    "rpc error: code = Code(99) desc = ",
  );
});

Deno.test("GRPC_CODE names the codes that GRPC_CODE_NAMES lists", () => {
  for (const [name, code] of Object.entries(GRPC_CODE)) {
    assertEquals(GRPC_CODE_NAMES[code]?.toLowerCase(), name.toLowerCase());
  }
});

Deno.test("errorText() takes whatever was thrown", () => {
  assertEquals(errorText(new TypeError("a")), "a");
  assertEquals(errorText("b"), "b");
  assertEquals(errorText(undefined), "undefined");
});

Deno.test("errorChainText() puts causes in a row, each once", () => {
  const inner = new Error("inner");
  const same = new Error("inner", { cause: inner });
  const silent = new Error("", { cause: same });
  const outer = new Error("outer", { cause: silent });
  assertEquals(errorChainText(outer), "outer: inner");
  assertEquals(errorChainText(new Error("a", { cause: "b" })), "a: b");
});

Deno.test("errorChainText() ends where causes go in a circle", () => {
  const first = new Error("a");
  const second = new Error("b", { cause: first });
  first.cause = second;
  assertEquals(errorChainText(first), "a: b: a: b: a: b: a: b");
  const silent = new Error("");
  silent.cause = new Error("", { cause: new Error("end") });
  assertEquals(errorChainText(silent), "end");
});
