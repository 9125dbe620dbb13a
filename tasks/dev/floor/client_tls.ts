// deno-lint-ignore-file no-console -- what a person would write first, to be measured against
const conn = await Deno.connectTls({
  hostname: "localhost",
  port: Number(Deno.args[0]),
  caCerts: [await Deno.readTextFile(Deno.args[1] ?? "")],
});
const buffer = new Uint8Array(1024);
const count = await conn.read(buffer) ?? 0;
console.log(
  `Received from server: ${
    new TextDecoder().decode(buffer.subarray(0, count))
  }`,
);
