// deno-coverage-ignore-file
/**
 * The console of the api's page, in expressions for a browser.
 *
 * @module
 */

/** What a person would do in it to fill in a request; `fields` are its headers. */
export const fill = (
  method: string,
  path: string,
  body = "",
  fields = "",
): string =>
  `(() => {
  const { elements } = document.getElementById("console");
  elements.method.value = ${JSON.stringify(method)};
  elements.method.dispatchEvent(new Event("change"));
  elements.path.value = ${JSON.stringify(path)};
  elements.body.value = ${JSON.stringify(body)};
  elements.fields.value = ${JSON.stringify(fields)};
})()`;

/** What a person would do in it to send one. */
export const ask = (...request: Parameters<typeof fill>): string =>
  `${fill(...request)}, ${click("#console .main")}`;

/** A click on the first element that a selector names. */
export const click = (selector: string): string =>
  `document.querySelector(${JSON.stringify(selector)}).click()`;
