-- cases on which engines are known to disagree; each says what it must give, in text
{% set day = "cast('2024-02-29' as " ~ type_date() ~ ")" %}
{% set year_end = "cast('2023-12-31 23:59:59.999999' as " ~ type_timestamp() ~ ")" %}
{% set new_year = "cast('2024-01-01 00:00:00' as " ~ type_timestamp() ~ ")" %}
{% set spring = "cast('2024-03-31 00:30:00' as " ~ type_timestamp() ~ ")" %}
{% set after_spring = "cast('2024-03-31 02:30:00' as " ~ type_timestamp() ~ ")" %}
{% set nothing = "cast(null as varchar(8))" %}
with numbers as (

    {% for number in range(1, 11) %}
        select
            {{ number }} as n,
            cast({{ "null" if number == 5 else number }} as integer) as n_or_null
        {{ "union all" if not loop.last }}
    {% endfor %}

),

in_order as (

    select
        n,
        {{ lead("n") }} over (order by n) as next_n,
        {{ lag("n") }} over (order by n) as last_n
    from numbers

),

nobody as (

    select * from numbers
    where n > 10

),

strangers as (

    select
        a.n as n,
        b.n_or_null as other_n
    from numbers as a
    left join nobody as b on a.n = b.n

),

cases as (

    {% set rows = [
        ("P95 of 1 to 10, in millionths", "(select cast(round(" ~ percentile("n", 0.95) ~ " * 1000000) as bigint) from numbers)", "9550000"),
        ("P50 does not count nulls", "(select cast(round(" ~ percentile("n_or_null", 0.5) ~ " * 10) as bigint) from numbers)", "60"),
        ("P90 of nothing is nothing", "(select cast(" ~ percentile("n", 0.9) ~ " as bigint) from nobody)", none),
        ("the sum of nothing is nothing", "(select cast(sum(n) as bigint) from nobody)", none),
        ("the greatest of nothing is nothing", "(select cast(max(n) as bigint) from nobody)", none),
        ("rows of nothing are none", "(select count(*) from nobody)", "0"),
        ("a join that misses gives nothing", "(select count(other_n) from strangers)", "0"),
        ("beyond the last row there is nothing", "(select count(next_n) from in_order)", "9"),
        ("before the first row there is nothing", "(select count(last_n) from in_order)", "9"),
        ("a share over all rows", "(select cast(round(" ~ share_where("n_or_null > 5") ~ " * 10) as bigint) from numbers)", "5"),
        ("a ratio to zero is nothing", "cast(" ~ ratio("1", "0") ~ " as bigint)", none),
        ("a ratio of whole numbers is not cut off", "cast(round(" ~ ratio("7", "2") ~ " * 10) as bigint)", "35"),
        ("a whole number over a double", "cast(round((7 / cast(2 as " ~ type_double() ~ ")) * 10) as bigint)", "35"),
        ("the key of a leap day", date_key(day), "20240229"),
        ("the key of the last minute of a year", time_key(year_end), "1439"),
        ("days over a leap day", days_between(day, "cast('2024-03-01' as " ~ type_date() ~ ")"), "1"),
        ("days count midnights", days_between("cast(" ~ year_end ~ " as " ~ type_date() ~ ")", "cast(" ~ new_year ~ " as " ~ type_date() ~ ")"), "1"),
        ("seconds where clocks go forward", seconds_between(spring, after_spring), "7200"),
        ("days before 1970", days_between("cast('1929-12-31' as " ~ type_date() ~ ")", "cast('1970-01-02' as " ~ type_date() ~ ")"), "14612"),
        ("days up to the end of time", days_between("cast('2024-01-01' as " ~ type_date() ~ ")", "cast('9999-12-31' as " ~ type_date() ~ ")"), "2913173"),
        ("a time as text", timestamp_text(year_end), "2023-12-31 23:59:59.999999"),
        ("a time as text, without a fraction", timestamp_text(new_year), "2024-01-01 00:00:00.000000"),
        ("characters, not bytes", dbt.length("'Zürich 日本'"), "9"),
        ("words of a text", word_count("' SpO₂ 91 %,  on air.\nPlan:\tnone '"), "7"),
        ("words of an empty text", word_count("''"), "0"),
        ("words with spaces that do not part them", word_count("'10\u00a0000 ml\u2009a\u3000day'"), "2"),
        ("an age on the eve of a birthday", age_years("cast('1940-03-02' as " ~ type_date() ~ ")", "cast('2024-03-01' as " ~ type_date() ~ ")"), "83"),
        ("an age on a birthday", age_years("cast('1940-03-01' as " ~ type_date() ~ ")", "cast('2024-03-01' as " ~ type_date() ~ ")"), "84"),
        ("an age of one born on a leap day", age_years(day, "cast('2025-02-28' as " ~ type_date() ~ ")"), "0"),
        ("the age of nobody", age_years("cast(null as " ~ type_date() ~ ")", day), none),
        ("a key of text", surrogate_key(["'F01'", "'AMU'"]), "7411cdf7d2e25bbf96c380ba11c725f7"),
        ("a key of text beyond ASCII", surrogate_key(["'Zürich 日本'"]), "9b487821cb4c6754af07b48d2e6fba16"),
        ("a key of nothing", surrogate_key([nothing]), "4c761f170e016836ff84498202b99827"),
        ("a key of empty text", surrogate_key(["''"]), "9a1c7ee2c7ce38d4bbbaf29ab9f2ac1e"),
        ("keys whose parts touch", surrogate_key(["'1'", "'12'"]), "119b47d9b666b5741d8c4919d1c55442"),
        ("keys whose parts touch otherwise", surrogate_key(["'11'", "'2'"]), "e1365034931eee4a9e850749b0a01813"),
        ("the least of some and nothing", "least(2, cast(null as integer))", "2"),
        ("the greatest of some and nothing", "greatest(2, cast(null as integer))", "2"),
    ] %}
    {% for name, expression, expected in rows %}
        select
            '{{ name }}' as case_name,
            cast({{ expression }} as varchar(64)) as found,
            {{ "cast(null as varchar(64))" if expected is none else "'" ~ expected ~ "'" }} as expected
        {{ "union all" if not loop.last }}
    {% endfor %}

)

select *
from cases
where
    found <> expected
    or (found is null and expected is not null)
    or (found is not null and expected is null)
