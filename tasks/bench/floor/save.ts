// what a person would write first, to be measured against
const { body } = await fetch(Deno.args[0] ?? "");
const file = await Deno.create(Deno.args[1] ?? "");
await body?.pipeTo(file.writable);
