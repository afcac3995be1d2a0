/**
 * Histories in the form that `git fast-import` reads. Pure.
 * Source: Git, git-fast-import(1).
 * @module
 */

interface SeedCommit {
  readonly ref: string;
  readonly message: string;
  readonly files: Readonly<Record<string, string>>;
  /** Starts at this commit; at the ref's own last one if absent. */
  readonly from?: string;
}

const AUTHOR = "Mira Reef <mira@reef.example>";
/** Seconds since 1970 of the first commit; each later one is an hour on. */
const FIRST_COMMIT_AT = 1_767_225_600;
const HOUR_SECONDS = 3600;
const MIB_BYTES = 1_048_576;
const encoder = new TextEncoder();

const COMMITS: readonly SeedCommit[] = [
  {
    ref: "refs/heads/main",
    message: "Start the reef",
    files: {
      "README.md": "# Reef\n\nA sample project.\n",
      "docs/fish.md": "Clownfish live in anemones.\n",
    },
  },
  {
    ref: "refs/heads/main",
    message: "Count the fish",
    files: {
      "src/count.sh": "#!/bin/sh\nwc -l docs/*.md\n",
      // Above the limit that tests of partial clones set.
      "docs/log.txt": "one fish, two fish\n".repeat(500),
    },
  },
  {
    ref: "refs/heads/coral",
    from: "refs/heads/main",
    message: "Grow some coral",
    files: { "docs/coral.md": "Coral grows a centimetre a year.\n" },
  },
  {
    ref: "refs/heads/main",
    message: "Say what fish eat",
    files: { "docs/fish.md": "Clownfish live in anemones.\nThey eat algae.\n" },
  },
];

/** Two branches, an annotated tag and a plain one. */
export function* formatSampleImport(): Generator<Uint8Array> {
  for (const [index, commit] of COMMITS.entries()) {
    yield encoder.encode(formatCommit(commit, index));
  }
  const at = FIRST_COMMIT_AT + COMMITS.length * HOUR_SECONDS;
  yield encoder.encode([
    `tag v1.0.0\nfrom refs/heads/main\ntagger ${AUTHOR} ${at} +0000\n`,
    formatData("The first release\n"),
    "reset refs/tags/draft\nfrom refs/heads/coral\n\n",
    "done\n",
  ].join(""));
}

/** One commit on `main` with blobs of random bytes, a MiB each. */
export function* formatBulkImport(sizeMib: number): Generator<Uint8Array> {
  const random = new RandomBytes();
  for (let mark = 1; mark <= sizeMib; mark++) {
    yield encoder.encode(`blob\nmark :${mark}\ndata ${MIB_BYTES}\n`);
    yield random.next(MIB_BYTES);
    yield encoder.encode("\n");
  }
  const message = "Fill the sea\n";
  const lines = [
    "commit refs/heads/main",
    `committer ${AUTHOR} ${FIRST_COMMIT_AT} +0000`,
    `data ${message.length}`,
    message,
  ];
  for (let mark = 1; mark <= sizeMib; mark++) {
    lines.push(`M 100644 :${mark} bulk/${String(mark).padStart(5, "0")}.bin`);
  }
  yield encoder.encode(`${lines.join("\n")}\n\ndone\n`);
}

function formatCommit(
  { ref, message, files, from }: SeedCommit,
  index: number,
): string {
  const at = FIRST_COMMIT_AT + index * HOUR_SECONDS;
  const changes = Object.entries(files).map(([path, text]) => {
    const mode = path.endsWith(".sh") ? "100755" : "100644";
    return `M ${mode} inline ${path}\n${formatData(text)}`;
  });
  return [
    `commit ${ref}\ncommitter ${AUTHOR} ${at} +0000\n`,
    formatData(`${message}\n`),
    from === undefined ? "" : `from ${from}\n`,
    ...changes,
    "\n",
  ].join("");
}

function formatData(text: string): string {
  return `data ${encoder.encode(text).length}\n${text}\n`;
}

/** Marsaglia's xorshift: the same bytes on every machine, and fast. */
class RandomBytes {
  #state = 0x9e37_79b9;

  next(sizeBytes: number): Uint8Array {
    const words = new Uint32Array(sizeBytes / Uint32Array.BYTES_PER_ELEMENT);
    let state = this.#state;
    for (let at = 0; at < words.length; at++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[at] = state;
    }
    this.#state = state;
    return new Uint8Array(words.buffer);
  }
}
