/** Keys that live in a security key, alone and with OpenSSH's client. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseUserKey } from "../../../src/ssh/certificate.ts";
import { parsePublicKey } from "../../../src/ssh/public_key.ts";
import { decodeSignature } from "../../../src/ssh/ssh_messages.ts";
import {
  makeCertificate,
  makeEd25519,
  makeSkEcdsa,
  makeSkEd25519,
  type SignOptions,
  type TestKey,
} from "../../support/certificate_maker.ts";
import { TestAgent } from "../../support/ssh_agent.ts";
import { makeTempDir } from "../../support/temp_dir.ts";
import { runSsh, startFixture } from "./ssh_fixture.ts";

const DATA = new TextEncoder().encode("session id and request");
const KINDS: [string, (application?: string) => TestKey][] = [
  ["sk-ssh-ed25519", makeSkEd25519],
  ["sk-ecdsa-sha2-nistp256", makeSkEcdsa],
];
const NO_TOUCH = "ssh: signature missing required user presence flag";

function verify(key: TestKey, options?: SignOptions, data = DATA): boolean {
  const signature = decodeSignature(key.sign(DATA, options));
  return parsePublicKey(key.blob).verify(data, signature);
}

for (const [name, make] of KINDS) {
  const key = make();

  Deno.test(`${name}: a touch is enough, whatever the counter`, () => {
    assert(verify(key));
    assert(verify(key, { counter: 0 }));
    assert(verify(key, { counter: 0xffff_ffff }));
  });

  Deno.test(`${name}: a PIN may have been asked for`, () => {
    assert(verify(key, { flags: 0x05 }));
  });

  Deno.test(`sshd.md case 69: ${name} without a touch is refused`, () => {
    for (const flags of [0, 0x04, 0xfe]) {
      assertThrows(() => verify(key, { flags }), Error, NO_TOUCH);
    }
  });

  Deno.test(`${name}: an authority may do without the touch`, () => {
    const parsed = parseUserKey(
      makeCertificate(key, makeEd25519(), {
        extensions: [["no-touch-required", ""]],
      }),
    );
    const untouched = decodeSignature(key.sign(DATA, { flags: 0 }));
    assert(parsed.verify(DATA, untouched));
    const strict = parseUserKey(makeCertificate(key, makeEd25519()));
    assertThrows(() => strict.verify(DATA, untouched), Error, NO_TOUCH);
  });

  Deno.test(`${name}: signatures for something else are refused`, () => {
    assert(!verify(key, { application: "webauthn" }));
    assert(!verify(key, {}, DATA.subarray(1)));
    assert(!verify({ ...key, sign: make().sign }));
  });

  Deno.test(`${name}: flags and counter are what was signed`, () => {
    const parsed = parsePublicKey(key.blob);
    const { format, bytes } = decodeSignature(key.sign(DATA));
    for (const at of [bytes.length - 5, bytes.length - 1]) {
      const spoiled = bytes.slice();
      spoiled[at] = (spoiled[at] ?? 0) ^ 2;
      assert(!parsed.verify(DATA, { format, bytes: spoiled }));
    }
  });

  Deno.test(`${name}: a signature that is cut off or too long is refused`, () => {
    const parsed = parsePublicKey(key.blob);
    const { format, bytes } = decodeSignature(key.sign(DATA));
    for (let size = 0; size < bytes.length; size++) {
      assert(!parsed.verify(DATA, { format, bytes: bytes.subarray(0, size) }));
    }
    const longer = Uint8Array.from([...bytes, 0]);
    assert(!parsed.verify(DATA, { format, bytes: longer }));
  });

  Deno.test(`sshd.md case 69: OpenSSH's client logs in with ${name}`, async () => {
    await using fixture = await startFixture({
      authorizedKey: (asked) => Promise.resolve({ id: 9, key: asked }),
    });
    using dir = makeTempDir();
    await using agent = new TestAgent(`${dir.path}/agent`, [key]);
    const run = await runSsh(fixture, ["x"], { agentPath: agent.path });
    assertEquals(run, { code: 0, stdout: 'key-9 "x" \n', stderr: "" });
    assertEquals(fixture.lookups, [
      key.blob.toBase64({ omitPadding: true }),
    ]);
  });

  Deno.test(`sshd.md case 69: OpenSSH's client with an untouched ${name}`, async () => {
    await using fixture = await startFixture({
      authorizedKey: (asked) => Promise.resolve({ id: 9, key: asked }),
    });
    using dir = makeTempDir();
    await using agent = new TestAgent(`${dir.path}/agent`, [{
      blob: key.blob,
      sign: (data) => key.sign(data, { flags: 0 }),
    }]);
    const run = await runSsh(fixture, ["x"], { agentPath: agent.path });
    assertEquals([run.code, run.stdout], [255, ""]);
    const record = await fixture.logged(
      "connection: initServerConn: failed to initialize SSH connection",
    );
    assertEquals(record["error_message"], NO_TOUCH);
  });
}
