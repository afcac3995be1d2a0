import { assertEquals, assertRejects } from "@std/assert";
import { placeUrl } from "../../../src/api/base_url.ts";
import { WebTransport } from "../../../src/api/web_transport.ts";
import { CertificateError } from "../../../src/core/errors.ts";

const TESTDATA = new URL("../../testdata/tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, TESTDATA));
const never = new AbortController().signal;

const transport = (env: Record<string, string> = {}) =>
  new WebTransport({
    env: (name) => new Map(Object.entries(env)).get(name),
    setEnv: () => {},
  });

/** Answers every connection with what it was sent, up to a blank line. */
function echo(listener: Deno.Listener<Deno.Conn>, greeting = "") {
  const seen: string[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      const buffer = new Uint8Array(4096);
      const size = await conn.read(buffer).catch(() => null);
      seen.push(new TextDecoder().decode(buffer.subarray(0, size ?? 0)));
      await conn.write(new TextEncoder().encode(greeting)).catch(() => {});
      // What follows a tunnel's handshake is the target's.
      const next = await conn.read(buffer).catch(() => null);
      seen.push(new TextDecoder().decode(buffer.subarray(0, next ?? 0)));
      conn.close();
    }
  })();
  return {
    seen,
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

Deno.test("plain http goes straight to its host", async () => {
  await using server = echo(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const place = placeUrl(`http://127.0.0.1:${server.port}/x?y`);
  const { duplex, ...rest } = await transport().connect(place, never);
  duplex.close();
  assertEquals(rest, { target: "/x?y", isProxied: false, headers: [] });
});

Deno.test("HTTP_PROXY gets the whole URL and its own credentials", async () => {
  await using server = echo(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const env = { HTTP_PROXY: `http://me:pw@127.0.0.1:${server.port}` };
  const place = placeUrl("http://primary.invalid/x?y");
  const { duplex, ...rest } = await transport(env).connect(place, never);
  duplex.close();
  assertEquals(rest, {
    target: "http://primary.invalid/x?y",
    isProxied: true,
    headers: [["Proxy-Authorization", `Basic ${btoa("me:pw")}`]],
  });
});

Deno.test("HTTPS_PROXY is asked for a tunnel before TLS begins", async () => {
  await using server = echo(
    Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    "HTTP/1.1 403 No\r\n\r\n",
  );
  const env = { HTTPS_PROXY: `http://127.0.0.1:${server.port}` };
  const place = placeUrl("https://primary.invalid/x");
  await assertRejects(
    () => transport(env).connect(place, never),
    Error,
    "failed to do connect handshake",
  );
  assertEquals(
    server.seen[0],
    "CONNECT primary.invalid:443 HTTP/1.1\r\nHost: primary.invalid:443\r\n" +
      "User-Agent: GitLab-Shell\r\n\r\n",
  );
});

Deno.test("a proxy of another kind is no way", async () => {
  const env = { HTTP_PROXY: "socks5://127.0.0.1:1" };
  const place = placeUrl("http://primary.invalid/x");
  await assertRejects(
    () => transport(env).connect(place, never),
    Error,
    "Cannot use a proxy of scheme socks5",
  );
});

for (
  const [what, file, isTrusted] of [
    ["the system's roots", "ca.pem", true],
    ["no root that knows the server", "self_signed.pem", false],
  ] as const
) {
  Deno.test(`internal-api.md 5.2: TLS with ${what}`, async () => {
    const cert = read("localhost.pem");
    const key = read("localhost.key");
    await using server = echo(
      Deno.listenTls({ hostname: "localhost", port: 0, cert, key }),
    );
    const ca = new URL(file, TESTDATA).pathname;
    const env = { SSL_CERT_FILE: ca, SSL_CERT_DIR: "/nonexistent" };
    const place = placeUrl(`https://localhost:${server.port}/`);
    const connecting = transport(env).connect(place, never);
    if (isTrusted) (await connecting).duplex.close();
    else await assertRejects(() => connecting, CertificateError);
  });
}

Deno.test("a URL without host is not taken for this machine", async () => {
  await assertRejects(
    () => transport().connect(placeUrl("http:///x"), never),
    Error,
    "No host in request URL",
  );
});
