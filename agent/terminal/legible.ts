/**
 * Text of others as it may go to a terminal: a key of the ledger, a name, a peer's reason could else clear the screen,
 * write a verdict of its own, or turn the order of what stands beside it. Controls, line ends, what steers the
 * direction of writing, invisible formats and halves of characters are shown as `\u{1b}`; all else stays.
 */
export function legible(text: string): string {
  return text.replace(hidden, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/**
 * The same within JSON, where an escape keeps the value what it is: JSON itself escapes controls below a space only,
 * while terminals obey those from U+0080 to U+009F too.
 */
export function legibleJson(json: string): string {
  return json.replace(hiddenInJson, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Line ends and tabs can stand only between JSON's own words. */
const hiddenInJson = /(?![\n\r\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
