/*
 * What is decided anew while sessions go on: partners, truststores with their CRLs, who may connect, whom no
 * ban reaches, ticket secrets. An immutable snapshot made from a configuration, counted: a reload makes a new
 * one, services take it, and the old one goes when nobody uses it any more (DESIGN.md, 1). Services find
 * themselves in it by their alias, because a later configuration may have others.
 *
 * Worker only; one thread; never blocks.
 */
#pragma once

#include "conf.h"
#include "err.h"

struct policy;
struct tls_trust;

/* Takes conf and the files it was read from, also when it fails: NULL, and err says which part cannot be
 * used. */
struct policy *policy_new(struct conf *conf, struct conf_files *files, struct err *err);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL is allowed */

/* All borrowed from the policy. */
const struct conf *policy_conf(const struct policy *policy);
/* NULL: there is none of this alias. */
const struct conf_listener *policy_listener(const struct policy *policy, const char *alias);
const struct conf_partner *policy_partner(const struct policy *policy, const char *alias);
/* Whose certificates are good: by this truststore and the partners; "": by the partners alone. A truststore
 * that the configuration has no more: the same. */
struct tls_trust *policy_trust(const struct policy *policy, const char *truststore);
