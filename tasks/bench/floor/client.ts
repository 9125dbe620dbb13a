// deno-lint-ignore-file no-console -- what a person would write first, to be measured against
const [port, cert] = Deno.args;
const address = { hostname: "localhost", port: Number(port) };
const conn = cert === undefined
  ? await Deno.connect(address)
  : await Deno.connectTls({
    ...address,
    caCerts: [await Deno.readTextFile(cert)],
  });
const buffer = new Uint8Array(1024);
const bytes = buffer.subarray(0, await conn.read(buffer) ?? 0);
console.log(`Received from server: ${new TextDecoder().decode(bytes)}`);
