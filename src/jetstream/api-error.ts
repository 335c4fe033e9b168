/** The caller's fault, as the JetStream API tells it. */
export class ApiError extends Error {
  /** As of HTTP. */
  readonly code: number;
  readonly errCode: number;

  constructor(code: number, errCode: number, description: string) {
    super(description);
    this.code = code;
    this.errCode = errCode;
  }

  get json(): { readonly code: number; readonly err_code: number; readonly description: string } {
    return { code: this.code, err_code: this.errCode, description: this.message };
  }
}
