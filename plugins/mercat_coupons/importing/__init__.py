"""Reading customer groups, promotions and coupons from files."""
