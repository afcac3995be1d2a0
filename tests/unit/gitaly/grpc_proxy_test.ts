import { assertEquals, assertStrictEquals } from "@std/assert";
import { findGrpcProxy } from "../../../src/gitaly/grpc_proxy.ts";

Deno.test("findGrpcProxy() asks for the proxy of https, with its port", () => {
  const target = { host: "gitaly", port: "8075" };
  const env: Record<string, string> = { HTTPS_PROXY: "p", HTTP_PROXY: "q" };
  const proxy = findGrpcProxy(target, (name) => env[name]);
  assertEquals(proxy?.target, { host: "p", port: "443" });
  delete env["HTTPS_PROXY"];
  assertStrictEquals(findGrpcProxy(target, (name) => env[name]), undefined);
});
