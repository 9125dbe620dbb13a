// deno-lint-ignore-file no-console -- what a person would write first, to be measured against
const response = await fetch(Deno.args[0] ?? "");
console.error(response.status, response.statusText);
console.log(await response.text());
