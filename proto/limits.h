/* limits.h - the ranges every message field is held to.
 *
 * Owns:     nothing.
 * Units:    price in the symbol's smallest price unit, quantity in its smallest quantity
 *           unit, cash in the asset's smallest unit; see proto/README.md.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   these are the bounds.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdint.h>

#define PRICE_MAX    ((INT64_C(1) << 42) - 1)
#define QUANTITY_MAX (INT64_C(1) << 52)
#define MONEY_MAX    (INT64_C(1) << 62) /* one balance, one notional; sums are checked */
#define ID_MAX       INT64_MAX /* gseq, order, session, trade, client's numbers */

/* Ids that are dense and index arrays: 0 is never used. */
#define ACCOUNT_MAX ((1 << 20) - 1)
#define ASSET_MAX   255
#define SYMBOL_MAX  4095
#define SHARD_MAX   63
#define SLOT_MAX    ((1 << 24) - 1)

/* Accounts every venue has from GENESIS on. */
#define ACCOUNT_EXTERNAL 1 /* the other side of deposits and withdrawals */
#define ACCOUNT_FEES     2 /* receives fees, pays rebates */
#define ACCOUNT_ADMIN    3 /* the operator; role admin, key from GENESIS */

#define PPM         1000000
#define FEE_PPM_MAX 100000 /* 10 % */

#define COMMIT_US_MAX 60000000 /* a minute, as told */

#define BODY_BYTES_MAX    320 /* an encoded command or report */
#define MESSAGE_BYTES_MAX 512 /* any encoded message */

#endif
