import { assertEquals, assertRejects } from "@std/assert";
import { ObjectTokens } from "../../../../src/command/lfs_transfer/object_token.ts";
import { TransferError } from "../../../../src/command/lfs_transfer/transfer_error.ts";
import { Secret } from "../../../../src/core/secret.ts";
import { OBJECT, OTHER_OBJECT, proofOf } from "../../../support/lfs_session.ts";
import {
  DOWNLOAD_VECTOR,
  UPLOAD_VECTOR,
} from "../../../support/lfs_vectors.ts";

const { oid } = OBJECT;
const USE = { operation: "download", oid } as const;
const HREF = "http://gitlab.example.com/group/repo.git/gitlab-lfs/objects/";

Deno.test("lfs.md case 39: the vectors of 2.17, id before token", async () => {
  const tokens = new ObjectTokens(new Secret("sssh"));
  const upload = await tokens.sign({ operation: "upload", oid }, {
    href: `${HREF}${oid}/12`,
    // Sorted by the signer, whatever their order here.
    headers: {
      "Transfer-Encoding": "chunked",
      Authorization: "Basic ZGVtbzphY3Rpb24=",
      "Content-Type": "application/octet-stream",
    },
  });
  assertEquals(upload, `id=${UPLOAD_VECTOR.id} token=${UPLOAD_VECTOR.token}`);
  const download = await tokens.sign(USE, {
    href: HREF + oid,
    headers: { Authorization: "Basic ZGVtbzphY3Rpb24=" },
  });
  assertEquals(
    download,
    `id=${DOWNLOAD_VECTOR.id} token=${DOWNLOAD_VECTOR.token}`,
  );
});

Deno.test("lfs.md 2.9: what the vectors stand for is found again", async () => {
  const tokens = new ObjectTokens(new Secret("sssh"));
  const args = new Map(Object.entries(DOWNLOAD_VECTOR));
  const { href, headers } = await tokens.check(args, USE);
  assertEquals({ href, headers }, {
    href: HREF + oid,
    headers: { Authorization: "Basic ZGVtbzphY3Rpb24=" },
  });
});

Deno.test("lfs.md case 40: the line end of a secret file counts", async () => {
  const tokens = new ObjectTokens(new Secret("sssh\n"));
  await assertRejects(
    () => tokens.check(new Map(Object.entries(DOWNLOAD_VECTOR)), USE),
    TransferError,
    "error: token hash mismatch",
  );
  const proof = await proofOf(
    { operation: "download", oid, href: "http://h/" },
    "sssh\n",
  );
  const found = await tokens.check(new Map(Object.entries(proof)), USE);
  assertEquals([found.href, found.headers], ["http://h/", {}]);
});

Deno.test("lfs.md case 48: without headers the id has none; markup is escaped", async () => {
  const tokens = new ObjectTokens(new Secret("sssh"));
  const text = await tokens.sign(USE, {
    href: "http://h/?a&b<c>",
    headers: {},
  });
  const [, id = ""] = /^id=(\S+) /.exec(text) ?? [];
  assertEquals(
    new TextDecoder().decode(Uint8Array.fromBase64(id)),
    `{"operation":"download","oid":"${oid}","href":"http://h/?a\\u0026b\\u003cc\\u003e"}`,
  );
});

interface Refusal {
  readonly name: string;
  readonly args: () => Promise<Record<string, string>>;
  readonly status: number;
  readonly message: string;
}

const good = () => proofOf({ operation: "download", oid, href: "http://h/" });
const REFUSALS: readonly Refusal[] = [
  {
    name: "no id",
    args: async () => ({ token: (await good()).token }),
    status: 400,
    message: "error: missing id",
  },
  {
    name: "an empty id",
    args: async () => ({ ...await good(), id: "" }),
    status: 400,
    message: "error: missing id",
  },
  {
    name: "no token",
    args: async () => ({ id: (await good()).id }),
    status: 401,
    message: "error: missing token",
  },
  {
    name: "an id that is no base64",
    args: async () => ({ ...await good(), id: "a" }),
    status: 400,
    message: "error: invalid id",
  },
  {
    name: "an id of the URL's alphabet",
    args: async () => ({ ...await good(), id: "-_-_" }),
    status: 400,
    message: "error: invalid id",
  },
  {
    name: "a token that is no base64",
    args: async () => ({ ...await good(), token: "=AAA" }),
    status: 400,
    message: "error: invalid token",
  },
  {
    name: "a token of other bytes",
    args: async () => ({ ...await good(), token: "AAAA" }),
    status: 403,
    message: "error: token hash mismatch",
  },
  {
    name: "a token of another secret",
    args: () => proofOf({ operation: "download", oid, href: "http://h/" }, "x"),
    status: 403,
    message: "error: token hash mismatch",
  },
  {
    name: "an id that is no JSON",
    args: () => proofOf("no json"),
    status: 400,
    message: "error: invalid id",
  },
  {
    name: "an id that is no object",
    args: () => proofOf("[]"),
    status: 400,
    message: "error: invalid id",
  },
  {
    name: "an id for an upload",
    args: () => proofOf({ operation: "upload", oid, href: "http://h/" }),
    status: 403,
    message: "error: invalid operation",
  },
  {
    name: "an id of another object",
    args: () =>
      proofOf({
        operation: "download",
        oid: OTHER_OBJECT.oid,
        href: "http://h/",
      }),
    status: 403,
    message: "error: invalid oid",
  },
];
for (const { name, args, status, message } of REFUSALS) {
  Deno.test(`lfs.md case 50: ${name} is refused`, async () => {
    const tokens = new ObjectTokens(new Secret("sssh"));
    const given = new Map(Object.entries(await args()));
    const error = await assertRejects(
      () => tokens.check(given, USE),
      TransferError,
    );
    assertEquals([error.status, error.message], [status, message]);
  });
}

Deno.test("lfs.md 2.9: line ends in base64 do not matter, as in Go", async () => {
  const tokens = new ObjectTokens(new Secret("sssh"));
  const { id, token } = await good();
  const args = new Map([["id", `${id.slice(0, 8)}\r\n${id.slice(8)}`], [
    "token",
    token,
  ]]);
  assertEquals((await tokens.check(args, USE)).href, "http://h/");
});
