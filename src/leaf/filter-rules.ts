/** From permissions, configuration and JetStream domains to what may cross a link. */
import type { Permissions } from "../auth/permissions.ts";
import { LinkFilter, openFilter, openLists, plainPatterns, type FilterLists } from "./filter.ts";
import { wireFromText } from "../subjects/subject.ts";
import { domainDenies, type DomainDenies } from "./domains.ts";
import type { LeafPermissions, ReceivedConnect } from "./info.ts";
import type { LeafLink } from "./link.ts";

/** For the end that was dialled: what the user may publish is what this end may ask for, and the other way round. */
export function filterForAccepted(
  link: LeafLink,
  account: string,
  permissions: Permissions | null,
  connect: Pick<ReceivedConnect, "domain" | "denyPublish" | "isHub">,
): LinkFilter {
  const denies = deniesOf(link, account, connect.domain);
  const publish = listsOf(permissions?.options.publish ?? null);
  const subscribe = permissions?.options.subscribe ?? null;
  const deniedToSend = plainPatterns([...connect.denyPublish, ...denies.both, ...denies.sending]);
  return newFilter(
    withDenies(publish, plainPatterns(denies.both)),
    withDenies({ allow: subscribe?.allow ?? null, deny: subscribe?.deny ?? [] }, deniedToSend),
    // A leaf that takes the part of the hub sends what this end may ask for, so that JetStream's API stays on its side.
    connect.isHub ? null : publish,
    permissions,
  );
}

/** For the end that dials: what the hub has told it, and what its own configuration denies. */
export function filterForDialed(
  link: LeafLink,
  account: string,
  told: LeafPermissions | null,
  own: { readonly denyImports: readonly string[]; readonly denyExports: readonly string[] },
  remoteDomain: string,
): LinkFilter {
  const denies = deniesOf(link, account, remoteDomain);
  const publish = listsOf(told?.publish ?? null);
  const subscribe = told?.subscribe ?? null;
  return newFilter(
    withDenies(
      { allow: subscribe?.allow ?? null, deny: subscribe?.deny ?? [] },
      plainPatterns([...own.denyImports, ...denies.both]),
    ),
    withDenies(publish, plainPatterns([...own.denyExports, ...denies.both, ...denies.sending])),
    link.isSpoke ? null : openLists,
    null,
  );
}

function deniesOf({ context }: LeafLink, account: string, remoteDomain: string): DomainDenies {
  const { domain } = context.settings;
  const isSystem = account === context.systemAccount;
  return domainDenies(domain === null ? null : wireFromText(domain), wireFromText(remoteDomain), isSystem);
}

function newFilter(
  ask: FilterLists,
  send: FilterLists,
  receive: FilterLists | null,
  permissions: Permissions | null,
): LinkFilter {
  const isOpen = (lists: FilterLists): boolean => lists.allow === null && lists.deny.length === 0;
  if (isOpen(ask) && isOpen(send) && permissions === null) return openFilter;
  return new LinkFilter({ ask, send, receive, permissions });
}

function listsOf(lists: LeafPermissions["publish"] | null): FilterLists {
  return {
    allow: lists === null || lists.allow === null ? null : plainPatterns(lists.allow),
    deny: plainPatterns(lists?.deny ?? []),
  };
}

function withDenies(lists: FilterLists, more: FilterLists["deny"]): FilterLists {
  return more.length === 0 ? lists : { allow: lists.allow, deny: [...lists.deny, ...more] };
}
