/** Whether a stream may store more: asked before each message, by the quotas of the broker and the account and by the disk. */
import type { Account } from "../broker/account.ts";
import type { ApiError } from "./api-error.ts";
import { apiError } from "./api-errors.ts";
import type { Disk } from "./disk.ts";
import type { Quota } from "./quota.ts";

export class Capacity {
  readonly #brokerQuota: Quota;
  readonly #accountQuota: Quota;
  /** Null for a stream in memory. */
  readonly #disk: Disk | null;
  readonly #account: Account;
  readonly #stream: string;

  constructor(brokerQuota: Quota, accountQuota: Quota, disk: Disk | null, account: Account, stream: string) {
    this.#brokerQuota = brokerQuota;
    this.#accountQuota = accountQuota;
    this.#disk = disk;
    this.#account = account;
    this.#stream = stream;
  }

  /** Why a message of so many bytes can not be stored; null when it can. It is taken to be stored then. */
  refusal(bytes: number): ApiError | null {
    const refusal = this.quotaRefusal(bytes);
    if (refusal !== null || this.#disk === null) return refusal;
    const problem = this.#disk.problem(bytes, this.#account, this.#stream);
    return problem === null ? null : apiError("streamStoreFailed", { err: problem });
  }

  /** As {@link refusal}, by what is configured alone. */
  quotaRefusal(bytes: number): ApiError | null {
    if (!this.#brokerQuota.take(bytes)) return apiError("insufficientResources");
    return this.#accountQuota.take(bytes) ? null : apiError("accountResourcesExceeded");
  }

  /** What is wrong with the disk for so many bytes, as text; null when nothing is. */
  diskProblem(bytes: number): string | null {
    return this.#disk?.problem(bytes, this.#account, this.#stream) ?? null;
  }
}
