/* A SchemaElement as it stands in a footer, and the field it stands for. */
#pragma once

#include "data/parquet/storage.h"

struct element {
    struct str name;
    int physical, length, repetition, children, converted, scale, precision; /* -1: not there */
    enum logical logical;                                                    /* LOGICAL_NONE: not there */
    bool is_utc, is_signed;                                                  /* of timestamps, of integers */
    int unit, bit_width;
};
void element_read(struct thrift_reader *r, struct element *ret);
/* The field a leaf stands for; `name` is the caller's copy of element->name. RC_DATA: this program has no such type. */
RC element_field(const struct element *element, const char *name, struct field *ret, struct storage *ret_storage,
                 struct error *err);
