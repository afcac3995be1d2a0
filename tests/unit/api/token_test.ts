import { assert, assertEquals, assertRejects } from "@std/assert";
import { TokenMinter } from "../../../src/api/token.ts";
import { Secret } from "../../../src/core/secret.ts";

const NOW_MS = Date.UTC(2026, 7, 18, 9, 21, 49, 999);

function decodePart(text: string | undefined): unknown {
  const bytes = Uint8Array.fromBase64(text ?? "", { alphabet: "base64url" });
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function verifies(token: string, secret: string): Promise<boolean> {
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const dot = token.lastIndexOf(".");
  const signature = Uint8Array.fromBase64(token.slice(dot + 1), {
    alphabet: "base64url",
  });
  const signed = new TextEncoder().encode(token.slice(0, dot));
  return await crypto.subtle.verify("HMAC", key, signature, signed);
}

Deno.test("internal-api.md case 19: the token says who, when and until when, in whole seconds", async () => {
  const { text, mintedMs } = await new TokenMinter(new Secret("abc")).mint(
    NOW_MS,
  );
  const [header, claims] = text.split(".");
  const iat = Math.floor(NOW_MS / 1000);
  assertEquals(decodePart(header), { alg: "HS256", typ: "JWT" });
  assertEquals(decodePart(claims), { iss: "gitlab-shell", exp: iat + 60, iat });
  assertEquals(mintedMs, NOW_MS);
  assert(!/[+/=]/.test(text));
});

// Made by the Go program with the secret `abc`.
const GOLDEN =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJnaXRsYWItc2hlbGwiLCJleHAiOjE3OTUyMTI1MjAsImlhdCI6MTc5NTIxMjQ2MH0.IiiV8UyveYTLVgTyqFI5o93muwFqyl0-9Pax5SfRLu0";

Deno.test("TokenMinter makes the token of the Go program, byte for byte", async () => {
  const { text } = await new TokenMinter(new Secret("abc")).mint(
    1795212460_321,
  );
  assertEquals(text, GOLDEN);
});

for (
  const secret of [" \n abc \n", "abc\n", "\u0085abc\u00a0", "\u2028abc\u3000"]
) {
  Deno.test(`internal-api.md case 18: ${JSON.stringify(secret)} signs as abc`, async () => {
    const { text } = await new TokenMinter(new Secret(secret)).mint(NOW_MS);
    assert(await verifies(text, "abc"));
  });
}

Deno.test("TokenMinter keeps white space inside, and what only JavaScript calls white space", async () => {
  const { text } = await new TokenMinter(new Secret("\ufeffa b\n")).mint(
    NOW_MS,
  );
  assert(await verifies(text, "\ufeffa b"));
});

for (const secret of ["", "\n", " \t\u2003\n"]) {
  Deno.test(`keys-and-config.md 6.4: the secret ${JSON.stringify(secret)} is refused`, async () => {
    const minter = new TokenMinter(new Secret(secret));
    await assertRejects(
      () => minter.mint(NOW_MS),
      Error,
      "secret must not be empty",
    );
    await assertRejects(
      () => minter.mint(NOW_MS),
      Error,
      "secret must not be empty",
    );
  });
}

Deno.test("TokenMinter adds the claim that a cell reads", async () => {
  const minter = new TokenMinter(new Secret("abc"));
  const { text } = await minter.mint(NOW_MS, { gl_id: "user-5" });
  const iat = Math.floor(NOW_MS / 1000);
  assertEquals(decodePart(text.split(".")[1]), {
    iss: "gitlab-shell",
    exp: iat + 60,
    iat,
    gl_id: "user-5",
  });
});
