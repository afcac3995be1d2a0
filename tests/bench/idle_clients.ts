/**
 * Clients that log in and then do nothing but answer keepalives, in a process
 * of their own: `idle_clients.ts KEY_FILE PORT COUNT USER`. Says `ready` when all
 * are in, and ends when its standard input does.
 * @module
 */
import { MESSAGE } from "../../src/ssh/ssh_messages.ts";
import { RawClient, readUserKey } from "../unit/ssh/raw_client.ts";

const OPENED_AT_ONCE = 4;

if (import.meta.main) {
  const [keyFile = "", port, count, user = "git"] = Deno.args;
  const { key, blob } = await readUserKey(keyFile);
  let left = Number(count);
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, async () => {
    while (left-- > 0) {
      const client = await RawClient.connect(Number(port));
      await client.requestAuth();
      client.send(client.publicKeyRequest({ user, key, blob }));
      await client.next(MESSAGE.userauthSuccess);
      void answerKeepalives(client).catch(() => {});
    }
  }));
  console.log("ready");
  const target = new Uint8Array(16);
  while (await Deno.stdin.read(target) !== null);
  Deno.exit(0);
}

/** As real clients do, who would else be taken for dead. */
async function answerKeepalives(client: RawClient): Promise<never> {
  for (;;) {
    await client.next(MESSAGE.globalRequest);
    client.send(Uint8Array.of(MESSAGE.requestFailure));
  }
}
