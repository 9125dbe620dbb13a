/**
 * Output that is kept, for tests and the demo to look at.
 *
 * @module
 */

/** Bytes that were written, and a way to wait for some of them. */
export class Capture {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  /** Adds bytes. */
  add(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    this.#size += bytes.length;
    for (const look of this.#waiting) look();
  }

  /** Says that nothing more will come: whoever still waits fails. */
  end(): void {
    this.#ended = true;
    for (const look of this.#waiting) look();
  }

  /** How many bytes were written. */
  get size(): number {
    return this.#size;
  }

  /** All bytes that were written. */
  get bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [all];
    return all;
  }

  /** All that was written, as text. */
  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** Resolves to all that was written as soon as it contains the text or matches; rejects when the output ends without it. */
  waitFor(wanted: string | RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const { text } = this;
        const found = typeof wanted === "string"
          ? text.includes(wanted)
          : wanted.test(text);
        if (!found && !this.#ended) return;
        this.#waiting.delete(look);
        if (found) return resolve(text);
        reject(
          new Error(
            `Cannot find ${Deno.inspect(wanted)} in ${Deno.inspect(text)}`,
          ),
        );
      };
      this.#waiting.add(look);
      look();
    });
  }
}
