import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { ProtocolError } from "../../../../src/core/errors.ts";
import {
  chooseKex,
  makeKexInit,
} from "../../../../src/ssh/patch/kex_choice.ts";
import { MESSAGE } from "../../../../src/ssh/ssh_messages.ts";
import { loadSsh2 } from "../../../../src/ssh/ssh2_library.ts";
import { SshReader, SshWriter } from "../../../../src/ssh/wire.ts";
import { MlkemClientHalf } from "../../../support/mlkem_client.ts";
import { RawClient } from "../raw_client.ts";
import { startFixture } from "../ssh_fixture.ts";

const direction = { cipher: [], mac: [], compress: ["none"], lang: [] };
const OFFER = {
  kex: ["mlkem768x25519-sha256", "ecdh-sha2-nistp256", "curve25519-sha256"],
  serverHostKey: ["rsa-sha2-256", "ssh-ed25519"],
  cs: direction,
  sc: direction,
};

function kexInit(
  kex: string[],
  { hostKey = ["rsa-sha2-256"], hasGuess = false } = {},
): Buffer {
  const writer = new SshWriter().byte(20).raw(new Uint8Array(16).fill(9))
    .nameList(kex).nameList(hostKey);
  for (let list = 0; list < 8; list++) writer.nameList(["x", "y"]);
  return Buffer.from(writer.bool(hasGuess).uint32(0).bytes());
}

function shownNames(original: Buffer): string[] {
  return new SshReader(chooseKex(OFFER, original).shown, 17).readNameList();
}

const CHOICES: [string, string[], string, string[]][] = [
  [
    "the hybrid as the exchange within it",
    ["sntrup761x25519-sha512", "mlkem768x25519-sha256", "ext-info-c"],
    "mlkem768x25519-sha256",
    ["curve25519-sha256", "ext-info-c"],
  ],
  [
    "the client's first choice",
    ["curve25519-sha256", "mlkem768x25519-sha256"],
    "curve25519-sha256",
    ["curve25519-sha256"],
  ],
  [
    "the mark of strict key exchange",
    ["ecdh-sha2-nistp256", "kex-strict-c-v00@openssh.com"],
    "ecdh-sha2-nistp256",
    ["ecdh-sha2-nistp256", "kex-strict-c-v00@openssh.com"],
  ],
];
for (const [what, names, chosen, shown] of CHOICES) {
  Deno.test(`chooseKex() shows ${what}`, () => {
    const original = kexInit(names);
    assertEquals(chooseKex(OFFER, original).name, chosen);
    assertEquals(chooseKex(OFFER, original).original, original);
    assertEquals(shownNames(original), shown);
  });
}

Deno.test("chooseKex() leaves everything but the exchanges as it was", () => {
  const { shown } = chooseKex(OFFER, kexInit(["ecdh-sha2-nistp256", "z"]));
  assertEquals(shown, kexInit(["ecdh-sha2-nistp256"]));
});

const GUESSES: [string, string[], string[], boolean][] = [
  [
    "both sides prefer is right",
    ["mlkem768x25519-sha256"],
    ["rsa-sha2-256"],
    true,
  ],
  ["is chosen but not preferred is wrong", ["curve25519-sha256"], [
    "rsa-sha2-256",
  ], false],
  [
    "has another host key is wrong",
    ["mlkem768x25519-sha256"],
    ["ssh-ed25519"],
    false,
  ],
  [
    "is not offered is wrong",
    ["z", "mlkem768x25519-sha256"],
    ["rsa-sha2-256"],
    false,
  ],
];
for (const [what, names, hostKey, isRight] of GUESSES) {
  Deno.test(`chooseKex(): a guess that ${what}`, () => {
    const original = kexInit(names, { hostKey, hasGuess: true });
    assertEquals(shownNames(original)[0] !== "missed-guess", isRight);
    // Without a packet that was sent on it, nothing was guessed.
    const plain = kexInit(names, { hostKey });
    assertEquals(shownNames(plain)[0] !== "missed-guess", true);
  });
}

Deno.test("chooseKex() refuses a message that is cut off", () => {
  const whole = kexInit(["curve25519-sha256"]);
  for (let size = 1; size < whole.length - 4; size++) {
    assertThrows(
      () => chooseKex(OFFER, whole.subarray(0, size)),
      ProtocolError,
    );
  }
});

Deno.test("makeKexInit() sends the offer and finds what ssh2 is shown", async () => {
  const offer = { ...OFFER, kex: ["mlkem768x25519-sha256"] };
  const kexInit = makeKexInit(await loadSsh2(), offer, ["mark"]);
  assertEquals(kexInit.lists.kex.array, [
    "mlkem768x25519-sha256",
    "mark",
    "curve25519-sha256",
  ]);
  const sent = "mlkem768x25519-sha256,mark";
  const hostKeys = offer.serverHostKey.join();
  const lists = [sent, hostKeys, "", "", "", "", "none", "none", "", ""];
  const sizeBytes = lists.reduce((sum, list) => sum + 4 + list.length, 0);
  assertEquals(kexInit.totalSize, sizeBytes);
});

Deno.test("a packet that was sent on a wrong guess is passed over", async () => {
  // The exchange is what both prefer; the host key is not, so that RFC 4253
  // calls the guess wrong and ssh2 does not.
  await using fixture = await startFixture();
  const half = await MlkemClientHalf.open(1, { guesses: true });
  await using client = await RawClient.login(fixture, half);
  client.exec(await client.openSession(), "hi");
  const data = new SshReader(await client.next(MESSAGE.channelData), 5);
  assertEquals(data.readText(), 'key-42 "hi" \n');
});
