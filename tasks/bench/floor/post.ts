// deno-lint-ignore-file no-console -- what a person would write first, to be measured against
const body = JSON.stringify({ title: "foo", body: "bar", userId: 1 });
const headers = { "content-type": "application/json" };
const response = await fetch(Deno.args[0] ?? "", {
  method: "POST",
  headers,
  body,
});
console.error(response.status, response.statusText);
console.log(await response.text());
