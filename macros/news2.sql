{#-
    NEWS2, the National Early Warning Score of the Royal College of Physicians: 0 to 3 for each of seven signs, by its
    chart. Signs are whole numbers, the temperature tenths of a degree; a missing sign has no score.
-#}

{% macro news2_resp_rate(resp_rate) -%}
    cast(
        case
            when {{ resp_rate }} <= 8 then 3
            when {{ resp_rate }} <= 11 then 1
            when {{ resp_rate }} <= 20 then 0
            when {{ resp_rate }} <= 24 then 2
            when {{ resp_rate }} >= 25 then 3
        end as integer
    )
{%- endmacro %}

{#- Scale 2 is for patients whose target is 88 to 92 %: more is only too much where oxygen is given. -#}
{% macro news2_spo2(spo2, spo2_scale, on_oxygen) -%}
    cast(
        case
            when {{ spo2_scale }} = 1 and {{ spo2 }} <= 91 then 3
            when {{ spo2_scale }} = 1 and {{ spo2 }} <= 93 then 2
            when {{ spo2_scale }} = 1 and {{ spo2 }} <= 95 then 1
            when {{ spo2_scale }} = 1 and {{ spo2 }} >= 96 then 0
            when {{ spo2_scale }} = 2 and {{ spo2 }} <= 83 then 3
            when {{ spo2_scale }} = 2 and {{ spo2 }} <= 85 then 2
            when {{ spo2_scale }} = 2 and {{ spo2 }} <= 87 then 1
            when {{ spo2_scale }} = 2 and {{ spo2 }} <= 92 then 0
            when {{ spo2_scale }} = 2 and {{ spo2 }} >= 93 and not {{ on_oxygen }} then 0
            when {{ spo2_scale }} = 2 and {{ spo2 }} <= 94 and {{ on_oxygen }} then 1
            when {{ spo2_scale }} = 2 and {{ spo2 }} <= 96 and {{ on_oxygen }} then 2
            when {{ spo2_scale }} = 2 and {{ spo2 }} >= 97 and {{ on_oxygen }} then 3
        end as integer
    )
{%- endmacro %}

{% macro news2_oxygen(on_oxygen) -%}
    cast(case when {{ on_oxygen }} then 2 when not {{ on_oxygen }} then 0 end as integer)
{%- endmacro %}

{% macro news2_systolic_bp(systolic_bp) -%}
    cast(
        case
            when {{ systolic_bp }} <= 90 then 3
            when {{ systolic_bp }} <= 100 then 2
            when {{ systolic_bp }} <= 110 then 1
            when {{ systolic_bp }} <= 219 then 0
            when {{ systolic_bp }} >= 220 then 3
        end as integer
    )
{%- endmacro %}

{% macro news2_heart_rate(heart_rate) -%}
    cast(
        case
            when {{ heart_rate }} <= 40 then 3
            when {{ heart_rate }} <= 50 then 1
            when {{ heart_rate }} <= 90 then 0
            when {{ heart_rate }} <= 110 then 1
            when {{ heart_rate }} <= 130 then 2
            when {{ heart_rate }} >= 131 then 3
        end as integer
    )
{%- endmacro %}

{% macro news2_consciousness(consciousness) -%}
    cast(
        case when {{ consciousness }} = 'A' then 0 when {{ consciousness }} in ('C', 'V', 'P', 'U') then 3 end
        as integer
    )
{%- endmacro %}

{% macro news2_temperature(tenths) -%}
    cast(
        case
            when {{ tenths }} <= 350 then 3
            when {{ tenths }} <= 360 then 1
            when {{ tenths }} <= 380 then 0
            when {{ tenths }} <= 390 then 1
            when {{ tenths }} >= 391 then 2
        end as integer
    )
{%- endmacro %}

{#- What the score asks for: low, low_medium where a single sign scores 3, medium from 5, high from 7. -#}
{% macro news2_band(score, has_red_score) -%}
    cast(
        case
            when {{ score }} >= 7 then 'high'
            when {{ score }} >= 5 then 'medium'
            when {{ has_red_score }} then 'low_medium'
            when {{ score }} >= 0 then 'low'
        end as varchar(10)
    )
{%- endmacro %}
