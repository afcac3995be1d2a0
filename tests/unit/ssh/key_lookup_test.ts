import { assertEquals } from "@std/assert";
import type { ApiClient, AuthorizedKey } from "../../../src/api/client.ts";
import { ApiError } from "../../../src/core/errors.ts";
import { SILENT_LOGGER } from "../../../src/core/log.ts";
import { KeyLookup } from "../../../src/ssh/key_lookup.ts";
import type { PublicKey } from "../../../src/ssh/public_key.ts";

const KEY: PublicKey = {
  type: "ssh-ed25519",
  algorithms: ["ssh-ed25519"],
  verify: () => false,
};
const BLOB = Uint8Array.of(0xfb, 0xff, 0xfe, 1);

function setUp(
  answer: (key: string, signal?: AbortSignal) => Promise<AuthorizedKey>,
) {
  const asked: string[] = [];
  const api: Pick<ApiClient, "authorizedKey" | "authorizedCertificate"> = {
    authorizedCertificate: () => Promise.reject(new Error("no certificate")),
    authorizedKey(key, signal) {
      asked.push(key);
      return answer(key, signal);
    },
  };
  const abort = new AbortController();
  const lookup = new KeyLookup({
    user: "git",
    api,
    log: SILENT_LOGGER,
    signal: abort.signal,
    trustedCas: { has: () => false, count: 0 },
    clientAddress: "127.0.0.1",
    nowMs: () => 0,
    env: () => undefined,
  });
  return { lookup, asked, abort };
}

const found = (id: number) => () => Promise.resolve({ id, key: "other text" });

Deno.test("sshd.md case 52: the key is asked about in unpadded base64", async () => {
  const { lookup, asked } = setUp(found(12));
  assertEquals(await lookup.find("git", KEY, BLOB), {
    login: { identity: { kind: "key", keyId: "12" }, namespacePath: "" },
  });
  assertEquals(asked, ["+//+AQ"]);
});

Deno.test("sshd.md case 50: another user is refused without a question", async () => {
  const { lookup, asked } = setUp(found(12));
  assertEquals(await lookup.find("root", KEY, BLOB), {
    refusal: "unknown user",
    blame: "user_name",
  });
  assertEquals(asked, []);
});

Deno.test("sshd.md case 51: a DSA key is refused without a question", async () => {
  const { lookup, asked } = setUp(found(12));
  const key = { ...KEY, type: "ssh-dss", refusal: "DSA is prohibited" };
  assertEquals(await lookup.find("git", key, BLOB), {
    refusal: "DSA is prohibited",
  });
  assertEquals(asked, []);
});

for (const id of [0, -1, 1.5, NaN, 2 ** 60]) {
  Deno.test(`a key id of ${id} is nobody`, async () => {
    const { lookup } = setUp(found(id));
    assertEquals(await lookup.find("git", KEY, BLOB), {
      refusal: `Cannot accept key id ${id}`,
    });
  });
}

Deno.test("sshd.md case 57: the latest answer is kept, good or bad, and no older one", async () => {
  const { lookup, asked } = setUp((key) =>
    key === "AQ" ? Promise.resolve({ id: 1, key }) : Promise.reject(
      new ApiError("Not found", { status: 404, kind: "policy" }),
    )
  );
  const a = Uint8Array.of(1);
  const b = Uint8Array.of(2);
  await lookup.find("git", KEY, a);
  await lookup.find("git", KEY, a);
  await lookup.find("git", KEY, b);
  assertEquals(await lookup.find("git", KEY, b), { refusal: "Not found" });
  assertEquals(asked, ["AQ", "Ag"]);
  await lookup.find("git", KEY, a);
  assertEquals(asked, ["AQ", "Ag", "AQ"]);
});

Deno.test("the answer for one user is not another's", async () => {
  const { lookup } = setUp(found(1));
  await lookup.find("git", KEY, BLOB);
  assertEquals(await lookup.find("git ", KEY, BLOB), {
    refusal: "unknown user",
    blame: "user_name",
  });
});

Deno.test("a look-up ends with its connection", async () => {
  const { lookup, abort } = setUp((_key, signal) =>
    new Promise((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason))
    )
  );
  const finding = lookup.find("git", KEY, BLOB);
  abort.abort(new Error("context canceled"));
  assertEquals(await finding, { refusal: "context canceled" });
});
