#include "data/parquet/profile.h"

void profile_of(enum parquet_profile profile, struct profile *ret)
{
    /* What is known of Redshift's COPY: pages v1, and dictionaries; INT32 for decimals and milliseconds are uncertain.
     */
    static const struct profile profiles[] = {
        [PARQUET_DEFAULT] = {PAGE_DATA, PARQUET_DICTIONARY | PARQUET_DELTA | PARQUET_DELTA_LENGTH | PARQUET_DELTA_TEXT,
                             false},
        [PARQUET_REDSHIFT] = {PAGE_DATA, PARQUET_DICTIONARY, true},
        [PARQUET_MODERN] = {PAGE_DATA_V2, PARQUET_ENCODINGS, false},
    };
    *ret = profiles[profile];
}
