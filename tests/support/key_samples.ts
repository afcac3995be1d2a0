/**
 * Public keys in every form, made here and not by the code that reads them.
 * @module
 */

const encoder = new TextEncoder();

/** A key as `.pub` files have it: type, and a blob of the given fields. */
export function encodeKey(type: string, ...fields: Uint8Array[]): string {
  const parts = [encoder.encode(type), ...fields].flatMap((field) => {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, field.length);
    return [length, field];
  });
  const blob = parts.flatMap((part) => [...part]);
  return `${type} ${btoa(String.fromCharCode(...blob))}`;
}

/** An Ed25519 key that differs for each number. */
export function ed25519Key(number: number): string {
  const point = new Uint8Array(32);
  new DataView(point.buffer).setUint32(0, number);
  new DataView(point.buffer).setUint32(28, number ^ 0x5a5a5a5a);
  return encodeKey("ssh-ed25519", point);
}
