import { tokensOf } from "./lexer.ts";
import { PuppetFault, type Token } from "./token.ts";

/**
 * The code of an EPP template (https://www.puppet.com/docs/puppet/8/lang_template_epp): what stands in `<% %>`, one
 * piece after the other, as a loop may begin in one and end in another. Throws {@link PuppetFault}.
 */
export function templateTokens(text: string, line = 1): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    const begin = text.indexOf("<%", at);
    if (begin < 0) return tokens;
    // `<%%` is a `<%` of the text.
    if (text[begin + 2] === "%") {
      at = begin + 3;
      continue;
    }
    const end = endOfTag(text, begin + 2);
    const startLine = line + newlines(text, 0, begin);
    if (end < 0) throw new PuppetFault("a tag of the template has no end", startLine);
    const code = text
      .slice(begin + 2, end)
      .replace(/^[=-]/, "")
      .replace(/-$/, "");
    if (text[begin + 2] !== "#") tokens.push(...tokensOf(code, startLine));
    at = end + 2;
  }
}

/** `%%>` is a `%>` of the code. */
function endOfTag(text: string, from: number): number {
  let end = text.indexOf("%>", from);
  while (end > 0 && text[end - 1] === "%") end = text.indexOf("%>", end + 2);
  return end;
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) if (text[at] === "\n") count++;
  return count;
}
