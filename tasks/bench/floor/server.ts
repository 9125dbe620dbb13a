// deno-lint-ignore-file no-console -- what a person would write first, to be measured against
const hello = new TextEncoder().encode("Hello, Client!");
const port = Number(Deno.args[0]);
for await (const conn of Deno.listen({ hostname: "127.0.0.1", port })) {
  const { hostname } = conn.remoteAddr;
  console.log(`Connection from ${hostname} has been established!`);
  conn.write(hello).then(() => conn.close(), () => {});
}
