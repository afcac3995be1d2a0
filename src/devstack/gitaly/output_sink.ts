/**
 * Where git's output goes, with room in front of it for the headers of the
 * protocol below: hundreds of megabytes pass here, so nothing is copied.
 * @module
 */

/** Takes git's output piece by piece. */
export interface OutputSink {
  /** Bytes in front of each piece that the sink writes over. */
  readonly headroomBytes: number;
  /** Largest piece. */
  readonly payloadBytesMax: number;
  /**
   * Sends what stands behind the headroom of `buffer`.
   * @returns When the next piece may follow; `buffer` is the caller's again.
   * @throws {Error} If the peer is gone.
   */
  write(buffer: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** Moves all of `source` into `sink`; `onPiece` sees each piece first. */
export async function copyOutput(
  source: ReadableStreamBYOBReader,
  sink: OutputSink,
  onPiece: (piece: Uint8Array) => void,
): Promise<void> {
  const { headroomBytes, payloadBytesMax } = sink;
  let memory = new ArrayBuffer(headroomBytes + payloadBytesMax);
  for (;;) {
    const view = new Uint8Array(memory, headroomBytes, payloadBytesMax);
    const { value, done } = await source.read(view);
    if (done || !value) return;
    onPiece(value);
    memory = value.buffer;
    await sink.write(new Uint8Array(memory, 0, headroomBytes + value.length));
  }
}
