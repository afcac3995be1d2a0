import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { SshdConfig } from "../../../src/config/config.ts";
import { resolveAlgorithms } from "../../../src/ssh/algorithms.ts";
import { makeConfig } from "./ssh_fixture.ts";

const resolve = (sshd: Partial<SshdConfig>) =>
  resolveAlgorithms(makeConfig(sshd).sshd);

Deno.test("sshd.md case 39: the default lists, in order of offer", () => {
  assertEquals(resolve({}), {
    keyExchange: [
      "mlkem768x25519-sha256",
      "curve25519-sha256",
      "curve25519-sha256@libssh.org",
      "ecdh-sha2-nistp256",
      "ecdh-sha2-nistp384",
      "ecdh-sha2-nistp521",
      "diffie-hellman-group14-sha256",
      "diffie-hellman-group14-sha1",
    ],
    ciphers: [
      "aes128-gcm@openssh.com",
      "aes256-gcm@openssh.com",
      "chacha20-poly1305@openssh.com",
      "aes128-ctr",
      "aes192-ctr",
      "aes256-ctr",
    ],
    macs: [
      "hmac-sha2-256-etm@openssh.com",
      "hmac-sha2-512-etm@openssh.com",
      "hmac-sha2-256",
      "hmac-sha2-512",
      "hmac-sha1",
      "hmac-sha1-96",
    ],
    userKeys: [
      "ssh-ed25519",
      "sk-ssh-ed25519@openssh.com",
      "sk-ecdsa-sha2-nistp256@openssh.com",
      "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521",
      "rsa-sha2-256",
      "rsa-sha2-512",
      "ssh-rsa",
      "ssh-dss",
    ],
    warnings: [],
  });
});

Deno.test("sshd.md case 40: configured lists are offered, unknown names dropped", () => {
  const algorithms = resolve({
    kexAlgorithms: ["ecdh-sha2-nistp384", "none-such"],
    ciphers: ["aes256-ctr", "aes128-cbc"],
    macs: ["hmac-sha2-512", "md5"],
    publicKeyAlgorithms: ["ssh-ed25519"],
  });
  assertEquals(algorithms.keyExchange, ["ecdh-sha2-nistp384"]);
  assertEquals(algorithms.ciphers, ["aes256-ctr", "aes128-cbc"]);
  assertEquals(algorithms.macs, ["hmac-sha2-512"]);
  assertEquals(algorithms.userKeys, ["ssh-ed25519"]);
  assertEquals(algorithms.warnings, [
    'sshd.kex_algorithms: "none-such" is left out: it is not known',
    'sshd.macs: "md5" is left out: it is not known',
  ]);
});

Deno.test("resolveAlgorithms() puts the alias of curve25519 right behind it", () => {
  const { keyExchange } = resolve({
    kexAlgorithms: ["curve25519-sha256", "ecdh-sha2-nistp256"],
  });
  assertEquals(keyExchange, [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
  ]);
});

for (const hash of ["sha256", "sha1"]) {
  const name = `diffie-hellman-group-exchange-${hash}`;
  Deno.test(`resolveAlgorithms() never offers ${name}, and says so`, () => {
    const { keyExchange, warnings } = resolve({
      kexAlgorithms: [name, "ecdh-sha2-nistp256"],
    });
    assertEquals(keyExchange, ["ecdh-sha2-nistp256"]);
    assertEquals(warnings.length, 1);
    assertStringIncludes(warnings.join(), name);
    assertStringIncludes(warnings.join(), "this server does not have it");
    assertThrows(
      () => resolve({ kexAlgorithms: [name] }),
      Error,
      "sshd.kex_algorithms: no name of the list can be offered",
    );
  });
}

const EMPTY: [string, Partial<SshdConfig>][] = [
  ["kex_algorithms", { kexAlgorithms: ["x"] }],
  ["ciphers", { ciphers: ["arcfour"] }],
  ["macs", { macs: ["x", "y"] }],
];
for (const [key, sshd] of EMPTY) {
  Deno.test(`resolveAlgorithms() refuses ${key} of which nothing is left`, () => {
    assertThrows(
      () => resolve(sshd),
      Error,
      `sshd.${key}: no name of the list can be offered`,
    );
  });
}

Deno.test("resolveAlgorithms() refuses an unknown user key algorithm at start", () => {
  assertThrows(
    () => resolve({ publicKeyAlgorithms: ["ssh-ed25519", "x"] }),
    Error,
    "ssh: unsupported public key authentication algorithm x",
  );
});
