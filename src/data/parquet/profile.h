/* What a file may hold, by who is to read it. */
#pragma once

#include "data/parquet/format.h"
#include "data/parquet/writer.h"

struct profile {
    enum page_type page_type; /* of data pages */
    unsigned encodings;       /* of enum parquet_encodings */
    bool is_plain_typed;      /* decimals of up to 18 digits rest in 8 bytes, and no time in milliseconds */
};

void profile_of(enum parquet_profile profile, struct profile *ret);
