/** Sizes as text, such as `10MB`: a number and a unit, each unit 1024 times the one before. */

const units = ["", "k", "m", "g", "t"];

/** @returns bytes, rounded down; null when the text is not a size */
export function parseSize(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?) ?(?:([kmgt]?)i?b|([kmgt]?))$/i.exec(text.trim());
  if (parts === null) return null;
  const [, digits, withB, alone = ""] = parts;
  const bytes = Math.floor(Number(digits) * 1024 ** units.indexOf((withB ?? alone).toLowerCase()));
  return Number.isSafeInteger(bytes) ? bytes : null;
}
