// deno-coverage-ignore-file
/**
 * The console of the api's page, in expressions for a browser.
 *
 * @module
 */

/** What a person would do in it to send a request. */
export const ask = (method: string, path: string, body = ""): string =>
  `(() => {
  const { elements } = document.getElementById("console");
  elements.method.value = ${JSON.stringify(method)};
  elements.method.dispatchEvent(new Event("change"));
  elements.path.value = ${JSON.stringify(path)};
  elements.body.value = ${JSON.stringify(body)};
  document.querySelector("#console .main").click();
})()`;
