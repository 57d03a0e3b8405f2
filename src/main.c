#include <stdio.h>

int main(void)
{
    puts("waybill " WAYBILL_VERSION);
    return 0;
}
