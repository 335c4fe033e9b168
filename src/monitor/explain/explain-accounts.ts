/** Who is interested in the subject, but in another subject space. */
import {
  listExplanations,
  countText,
  type ExplainQuestion,
  type ExplainedReceiver,
} from "./explained-route.ts";

export function explainOtherAccounts(question: ExplainQuestion): ExplainedReceiver[] {
  const { broker, account, subject } = question;
  const interested: { name: string; count: number }[] = [];
  for (const other of broker.accounts.values()) {
    if (other === account) continue;
    const count = other.matches(subject).length;
    if (count > 0) interested.push({ name: other.name, count });
  }
  return listExplanations(
    question,
    interested,
    ({ name, count }) => ({
      verdict: "note",
      text: `account ${name} has ${countText(count, "matching subscription")}, but accounts are isolated: what is published in ${account.name} does not get there`,
      count,
      facts: { kind: "other_account", account: name },
    }),
    (count) => ({
      verdict: "note",
      text: `${countText(count, "more account")} with matching subscriptions`,
      count,
      facts: { kind: "rest" },
    }),
  );
}
