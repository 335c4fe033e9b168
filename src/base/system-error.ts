/** Errors of the operating system in the words that everybody knows. */

const words: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRINUSE: "the address is in use",
  EADDRNOTAVAIL: "this machine has no such address",
  EAI_AGAIN: "the name of the host cannot be looked up now",
  EDQUOT: "the disk quota is used up",
  EISDIR: "is a directory",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file or directory",
  ENOSPC: "no space is left on the disk",
  ENOTDIR: "not a directory",
  ENOTFOUND: "there is no such host",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ESRCH: "there is no such process",
};

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return words[codeOf(error)] ?? error.message;
}

/** `ENOENT` and the like; empty where there is none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
