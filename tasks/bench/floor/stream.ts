// what a person would write first, to be measured against
const [port, from, to = ""] = Deno.args;
const hostname = "127.0.0.1";
const accept = async () => {
  using listener = Deno.listen({ hostname, port: Number(port) });
  return await listener.accept();
};
const copy = async (
  from: Pick<Deno.FsFile, "read">,
  to: Pick<Deno.FsFile, "write">,
) => {
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await from.read(buffer)) !== null;) {
    for (let at = 0; at < count;) {
      at += await to.write(buffer.subarray(at, count));
    }
  }
};
if (from === "receive") {
  await copy(await Deno.connect({ port: Number(port) }), Deno.stdout);
} else if (from === "relay") {
  const [a, b] = [await accept(), await Deno.connect({ port: Number(to) })];
  copy(a, b);
  await copy(b, a);
  Deno.exit();
} else {
  using conn = await accept();
  await copy(await Deno.open(from ?? ""), conn);
}
