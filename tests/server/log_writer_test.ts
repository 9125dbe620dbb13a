import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClosedOutput } from "../../lib/cli/io.ts";
import { createLogWriter } from "../../tasks/server/log/log_writer.ts";

const MOST = 2 ** 20;

/** An output whose reader takes nothing until it is let. */
function createStalled() {
  const written: string[] = [];
  const [started, release] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<void>(),
  ];
  const writeLater = async (bytes: Uint8Array) => {
    started.resolve();
    await release.promise;
    written.push(new TextDecoder().decode(bytes));
  };
  const output = { isTerminal: false, write: () => {}, writeLater };
  return {
    output,
    written,
    started: started.promise,
    release: release.resolve,
  };
}

const onError = (error: unknown) => {
  throw error;
};

Deno.test("createLogWriter() lets lines wait for a slow reader, up to 1 MiB, and says how many it left out", async (t) => {
  for (const json of [false, true]) {
    await t.step(`json: ${json}`, async () => {
      const { output, written, started, release } = createStalled();
      const log = createLogWriter(output, { json, onError });
      log.add("first\n");
      await started;
      for (let n = 0; n < 3000; n++) log.add(`${"x".repeat(999)}\n`);
      release();
      await log.end();
      assertEquals([written.length, written[0]], [2, "first\n"]);
      const lines = written[1]?.trimEnd().split("\n") ?? [];
      const kept = lines.length - 1;
      assertEquals(kept, Math.floor(MOST / 1000) + 1);
      const message = `${
        3000 - kept
      } lines of the log were left out: its reader is slow`;
      assertEquals(
        lines.at(-1),
        json
          ? JSON.stringify({ event: "warning", message })
          : `Warning: ${message}`,
      );
    });
  }
});

Deno.test("createLogWriter() loses and reorders nothing where the reader is fast", async () => {
  const written: string[] = [];
  const log = createLogWriter({
    isTerminal: false,
    write: () => {},
    writeLater: (bytes) =>
      Promise.resolve(bytes).then((bytes) =>
        void written.push(new TextDecoder().decode(bytes))
      ),
  }, { onError });
  const lines = Array.from({ length: 200_000 }, (_, n) => `${n}\n`);
  for (const [n, line] of lines.entries()) {
    log.add(line);
    if (n % 50_000 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  await log.end();
  assertEquals(written.join("") === lines.join(""), true);
});

Deno.test("createLogWriter() ends after a second, whatever its reader does", async () => {
  const { output } = createStalled();
  const log = createLogWriter(output, { onError });
  log.add("never read\n");
  const begun = performance.now();
  await log.end();
  await log[Symbol.asyncDispose]();
  const ms = performance.now() - begun;
  assert(ms > 900 && ms < 9000, `${ms}`);
});

Deno.test("createLogWriter() that waits writes at once, and leaves nothing out", () => {
  const written: Uint8Array[] = [];
  const log = createLogWriter({
    isTerminal: false,
    write: (bytes) => void written.push(bytes),
    writeLater: () => Promise.reject(),
  }, { waits: true, onError });
  for (let n = 0; n < 3000; n++) log.add("x".repeat(1000));
  assertEquals(written.length, 3000);
});

Deno.test("createLogWriter() says once that its reader is gone, and writes no more", async (t) => {
  for (const waits of [false, true]) {
    await t.step(`waits: ${waits}`, async () => {
      let writes = 0;
      const failed = Promise.withResolvers<unknown>();
      const log = createLogWriter({
        isTerminal: false,
        write: () => {
          throw new ClosedOutput("stdout");
        },
        writeLater: () => {
          writes++;
          return Promise.reject(new ClosedOutput("stdout"));
        },
      }, { waits, onError: failed.resolve });
      log.add("a\n");
      const message = "Cannot write to stdout: the reader is gone";
      assertEquals(String(await failed.promise), `Failure: ${message}`);
      log.add("b\n");
      if (waits) return;
      await assertRejects(log.end, Error, message);
      assertEquals(writes, 1);
    });
  }
});
