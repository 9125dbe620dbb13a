// deno-lint-ignore-file no-console -- what a person would write first, to be measured against
const response = await fetch(Deno.args[0] ?? "");
for (const { title, body } of await response.json()) {
  console.log(`Title: ${title}\nBody: ${body}\n${"-".repeat(40)}`);
}
